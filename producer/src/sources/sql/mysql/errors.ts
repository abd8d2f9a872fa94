import { describeError, RetryableError } from '@tributary/shared';
import { refused, timedOut, type Words } from '../faults.js';

const REFUSES: Words = { code: 'database_refuses', remedy: 'correct the user and the password in its URL' };
const FORBIDS: Words = { code: 'database_forbids', remedy: 'let the user of the URL read it: GRANT SELECT ON … TO …' };

/** What a person has to change, by the number of the error (MySQL manual, "Server Error Message Reference"). */
const KNOWN: Readonly<Record<number, Words>> = {
  1044: FORBIDS,
  1045: REFUSES,
  1046: { code: 'database_unknown', remedy: 'the URL has to name a database behind the host' },
  1049: { code: 'database_unknown', remedy: 'correct the name of the database in its URL' },
  1054: { code: 'column_unknown', remedy: 'look at columns, map and the fields of the entity' },
  1060: { code: 'query_refused', remedy: 'give the columns of the query different names' },
  1064: { code: 'query_refused', remedy: 'look at the query' },
  1142: FORBIDS,
  1143: FORBIDS,
  1146: {
    code: 'table_unknown',
    remedy: 'names of tables may be case-sensitive; a table of another database needs its name in front',
  },
  // The user lacks a right of the whole server, such as PROCESS.
  1227: { code: 'database_forbids', remedy: 'let the user of the URL have that right' },
  1698: REFUSES,
  1792: { code: 'query_writes', remedy: 'the query has to read only' },
  3118: REFUSES,
};

/** Of a statement that took too long: MariaDB, and MySQL. */
const TIMED_OUT: ReadonlySet<number> = new Set([1969, 3024]);

/** Too many connections, deadlocks, shutdowns, connections that were killed: a statement may succeed later. */
const PASSING: ReadonlySet<number> = new Set([
  1040, 1053, 1077, 1078, 1079, 1080, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317, 1927, 4031,
]);

/**
 * What the failure of a statement means, in words.
 * @param timeout in milliseconds
 */
export function faultOf(error: unknown, timeout: number): Error {
  const said = describeError(error);
  const number = numberOf(error);
  if (number !== undefined && TIMED_OUT.has(number)) return timedOut(timeout, error);
  if (number === undefined || PASSING.has(number)) return new RetryableError('network', said, { cause: error });
  return refused(said, number, KNOWN[number]);
}

/** The number of an error that the server sent; undefined for a fault of the way to it. */
function numberOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errno' in error) || !('sqlState' in error)) return undefined;
  return typeof error.errno === 'number' && error.errno > 0 ? error.errno : undefined;
}
