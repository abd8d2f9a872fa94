import { describeError, type Logger } from '@tributary/shared';
import type { ErrorRequestHandler, RequestHandler } from 'express';

/** A request that cannot be answered as asked, with what the client is told: `{"error": {"code", "message"}}`. */
export class Problem extends Error {
  override readonly name = 'Problem';
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export const badRequest = (code: string, message: string): Problem => new Problem(400, code, message);

/** Something the client sent, as shown to them again: short, whatever they sent. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 60)}... (${text.length} characters)` : text;
}

/** Goes behind all routes. */
export const unknownPath: RequestHandler = (request) => {
  throw new Problem(404, 'unknown_path', `there is no ${request.method} ${request.path}`);
};

/** Goes last. It also words what express and its body parser throw, which carry a status of their own. */
export function answerProblems(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const { status, code, message } = problemOf(error);
    if (status >= 500) log.error({ path: request.path, reason: describeError(error) }, 'a request failed');
    // Too late for a status: the connection is cut, so the client sees that the body is not whole.
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
