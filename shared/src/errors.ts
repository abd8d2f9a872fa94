/**
 * Error classes differ by what must happen next, not by where the error arose. Each error carries a stable `code` (for
 * metrics, headers and searches) beside its message for people.
 */

/** Might succeed later: the endpoint, broker, Redis or sink is away. Wait and try again. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
  readonly code: string;
  /** It cannot succeed before this time, in milliseconds since the epoch: the other side asked not to be asked before. */
  readonly notBefore: number | undefined;

  constructor(code: string, message: string, options: { cause?: unknown; notBefore?: number | undefined } = {}) {
    const { notBefore, ...rest } = options;
    super(message, rest);
    this.code = code;
    this.notBefore = notBefore;
  }
}

/** This one record can never succeed. It goes to the dead letters; no other record is affected. */
export class PoisonError extends Error {
  override readonly name = 'PoisonError';
  readonly code: string;
  readonly field: string | undefined;
  /** What is wrong, without the record's key and value: many records may have the same fault. */
  readonly fault: string;

  constructor(code: string, message: string, field?: string, options: { cause?: unknown; fault?: string } = {}) {
    const { fault = code, ...rest } = options;
    super(message, rest);
    this.code = code;
    this.field = field;
    this.fault = fault;
  }
}

/** Nothing can go on until a person changes something (a wrong config, a queue with other arguments). */
export class FatalError extends Error {
  override readonly name = 'FatalError';
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * The error of a command that was called with arguments which it does not have.
 * @param wrong what is wrong, in words or as it was thrown
 * @param usage the command's usage, which is shown below
 */
export const usageError = (wrong: unknown, usage: string): FatalError =>
  new FatalError('usage', `${describeError(wrong)}\n\n${usage}`, { cause: wrong });

/** Characters of a message. A fault of a whole pipeline file is shorter. */
const LONGEST = 20_000;
/** Characters that may be said around a message that was cut, before it is cut again. */
const AROUND = 1_000;

/** A server may say anything: an error of 24 MB held up the process for 47 s, and filled the log. */
const bounded = (text: string): string =>
  text.length <= LONGEST + AROUND ? text : `${text.slice(0, LONGEST)}… (and ${text.length - LONGEST} more characters)`;

/** The text of anything that was thrown, with its causes: "fetch failed: connect ECONNREFUSED 127.0.0.1:8080". What is very long is cut. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return bounded(String(error));
  // An AggregateError (a host with several addresses) has an empty message of its own.
  const own =
    error instanceof AggregateError && error.message === ''
      ? bounded(error.errors.map(describeError).join('; '))
      : bounded(error.message);
  const cause = error.cause === undefined ? '' : describeError(error.cause);
  return cause === '' || own.includes(cause) ? own : `${own}: ${cause}`;
}
