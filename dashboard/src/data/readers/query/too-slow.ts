import { RetryableError } from '@tributary/shared';

/** Milliseconds. A page that takes longer than this is of no use, and its statement keeps the database from other work. */
export const STATEMENT_TIMEOUT = 20_000;

/** What was asked for took too long: that says nothing of the database. */
export class TooSlowError extends RetryableError {
  /** @param instead what to do, in words */
  constructor(milliseconds: number, instead: string, cause?: unknown) {
    super('too_slow', `it took longer than ${milliseconds / 1_000} s${instead}`, { cause });
  }
}
