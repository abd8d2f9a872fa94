import { FatalError, RetryableError } from '@tributary/shared';

/** What a database's refusal means. */
export interface Words {
  readonly code: string;
  /** What a person should do. */
  readonly remedy: string;
}

/** @param timeout in milliseconds */
export const timedOut = (timeout: number, cause: unknown): RetryableError =>
  new RetryableError(
    'timeout',
    `no rows within ${timeout} ms: an index on the version and the key columns, in this order, makes it fast; or raise timeout, or lower chunk`,
    { cause },
  );

/**
 * @param said the database's own words
 * @param number how the database names the error
 * @param words undefined for an error that is not known
 */
export function refused(said: string, number: string | number, words: Words | undefined): FatalError {
  const { code, remedy } = words ?? { code: 'query_refused', remedy: 'look at table, query and columns' };
  return new FatalError(code, `${said} (${number}); ${remedy}`);
}
