/**
 * Errors are told apart by what must happen next, not by where they arose.
 * Each carries a stable `code` (for metrics, headers and searches) beside its message for people.
 */

/** Might succeed later: the endpoint, broker, Redis or sink is away. Wait and try again. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
  constructor(
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** This one record can never succeed. It goes to the dead letters; no other record pays for it. */
export class PoisonError extends Error {
  override readonly name = 'PoisonError';
  constructor(
    readonly code: string,
    message: string,
    readonly field?: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Nothing can go on until a person changes something (a wrong config, a queue with other arguments). */
export class FatalError extends Error {
  override readonly name = 'FatalError';
  constructor(
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/**
 * A command was asked in a way that it does not understand.
 * @param wrong what is wrong, in words or as it was thrown
 * @param usage how the command is asked; told below it
 */
export const usageError = (wrong: unknown, usage: string): FatalError =>
  new FatalError('usage', `${describeError(wrong)}\n\n${usage}`, { cause: wrong });

/** The text of anything thrown, with the causes that explain it: "fetch failed: connect ECONNREFUSED 127.0.0.1:8080". */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // An AggregateError (a host with several addresses) has an empty message of its own.
  const own =
    error instanceof AggregateError && error.message === ''
      ? error.errors.map(describeError).join('; ')
      : error.message;
  const cause = error.cause === undefined ? '' : describeError(error.cause);
  return cause === '' || own.includes(cause) ? own : `${own}: ${cause}`;
}
