/** An answer other than the one asked for: a status, a stable code, and what to do, for a person. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  /** Seconds until it is of use to ask again. */
  readonly after: number | undefined;

  constructor(status: number, code: string, message: string, after?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.after = after;
  }
}

export const notFound = (message: string): ApiError => new ApiError(404, 'not_found', message);
export const badRequest = (message: string): ApiError => new ApiError(400, 'bad_request', message);

/** @param after seconds until it is of use to ask again */
export const tooMany = (code: string, message: string, after: number): ApiError =>
  new ApiError(429, code, `${message}; try again in ${after} s`, after);

export function nothingHere(): never {
  throw notFound('there is nothing here; the dashboard is at /');
}
