import { describeError, RetryableError } from '@tributary/shared';
import { refused, timedOut, type Words } from '../faults.js';

const QUERY: Words = { code: 'query_refused', remedy: 'look at table, query and columns' };
const TABLE: Words = { code: 'table_unknown', remedy: 'look at the name: tributary list URL shows what there is' };
const COLUMN: Words = { code: 'column_unknown', remedy: 'look at columns, map and the fields of the entity' };
const REFUSES: Words = { code: 'database_refuses', remedy: 'correct the user and the password in its URL' };
const DRIVER: Words = {
  code: 'database_unknown',
  remedy: 'install the driver, or correct its name: odbcinst -q -d shows the drivers, odbcinst -q -s the data sources',
};

/** By SQLSTATE, the longest first that fits. */
const KNOWN: readonly (readonly [state: string, words: Words])[] = [
  ['IM', DRIVER],
  ['01000', DRIVER],
  ['28', REFUSES],
  ['42S02', TABLE],
  ['42P01', TABLE],
  ['42704', TABLE],
  ['42S22', COLUMN],
  ['42703', COLUMN],
  ['42501', { code: 'database_forbids', remedy: 'let the user of the URL read it: GRANT SELECT ON … TO …' }],
  ['25006', { code: 'query_writes', remedy: 'the query has to read only' }],
  ['42', QUERY],
];

/** The connection, a time-out of the login, a deadlock, a server that stops: a statement may succeed later. */
const PASSING = /^(08|40|57|HYT01|HY000)/;

interface Diagnosis {
  readonly state: string;
  readonly code: number;
  readonly message: string;
}

/** What the failure of a statement means, in words. @param timeout in milliseconds */
export function faultOf(error: unknown, timeout: number): Error {
  const [first] = (error as { readonly odbcErrors?: readonly Diagnosis[] }).odbcErrors ?? [];
  if (first === undefined) return new RetryableError('network', describeError(error), { cause: error });
  const { state, code, message } = first;
  if (state === 'HYT00') return timedOut(timeout, error);
  const words = KNOWN.find(([begin]) => state.startsWith(begin))?.[1] ?? byNumber(code);
  if (words === undefined && PASSING.test(state)) return new RetryableError('network', `${message} (${state})`);
  return refused(message, state, words);
}

/** Of MySQL's driver, which has one state for many. */
function byNumber(code: number): Words | undefined {
  return code === 1045 || code === 1698 ? REFUSES : code === 1146 ? TABLE : code === 1054 ? COLUMN : undefined;
}
