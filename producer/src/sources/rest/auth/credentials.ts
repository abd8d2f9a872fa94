import type { Clock } from '@tributary/shared';
import type { Answer } from '../fetch.js';
import type { HttpRequest } from '../request.js';

/** Sends one request for a token, within the limits and the time of the endpoint that asks. */
export type Send = (request: HttpRequest) => Promise<Answer>;

/** Shows the API who asks. Each kind of auth makes one from its settings. */
export interface Credentials {
  /** What its settings hold that must not be shown. */
  readonly secrets: readonly string[];
  /**
   * The request as it is sent.
   * @param send for a request of its own that comes first, such as one for a token
   * @throws RetryableError, FatalError if a token is needed and cannot be had
   */
  authorize(request: HttpRequest, send: Send): Promise<HttpRequest>;
  /** The API refused what {@link authorize} gave. @returns whether other credentials may be had now */
  refused(): boolean;
  /** The API took what {@link authorize} gave. */
  accepted(): void;
}

export interface CredentialOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Told of each secret that is had along the way, such as a token. */
  onSecret(secret: string): void;
}

/** Credentials that stay what they are: there are no others to be had when the API refuses them. */
export const fixedCredentials = (
  secrets: readonly string[],
  apply: (request: HttpRequest) => HttpRequest,
): Credentials => ({
  secrets,
  authorize: async (request) => apply(request),
  refused: () => false,
  accepted: () => {},
});

/** The request with one more header. @param name in lower case */
export const withHeader = (request: HttpRequest, name: string, value: string): HttpRequest => ({
  ...request,
  headers: { ...request.headers, [name]: value },
});
