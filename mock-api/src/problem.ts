import { describeError, type Logger } from '@tributary/shared';
import type { ErrorRequestHandler, RequestHandler } from 'express';

/** A request that cannot be answered, and what the client is told: `{"error": {"code", "message"}}`. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const badRequest = (code: string, message: string): Problem => new Problem(400, code, message);

/** What the client sent, for an error message: shortened if it is long. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 60)}... (${text.length} characters)` : text;
}

/** Comes after all routes. */
export const unknownPath: RequestHandler = (request) => {
  throw new Problem(404, 'unknown_path', `there is no ${request.method} ${request.path}`);
};

/** Comes last. It also answers errors of express and its body parser, which have their own status. */
export function answerProblems(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const { status, code, message } = problemOf(error);
    if (status >= 500) log.error({ path: request.path, reason: describeError(error) }, 'a request failed');
    // It is too late for a status. Closing the connection shows the client that the body is not complete.
    if (response.headersSent) response.destroy();
    else response.status(status).json({ error: { code, message } });
  };
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Error && 'status' in error && typeof error.status === 'number' && error.status < 500) {
    return new Problem(error.status, 'bad_request', error.message);
  }
  return new Problem(500, 'internal', 'the mock CRM failed to answer; its log has the reason');
}
