import { describeError, RetryableError } from '@tributary/shared';
import { refused, timedOut, type Words } from '../faults.js';

/** Classes of SQLSTATE (Postgres manual, appendix A) that say nothing of the statement: it may succeed later. */
const PASSING = /^(08|40|53|55|57P0|58|XX)/;

/** What a person has to change, by SQLSTATE. */
const KNOWN: Readonly<Record<string, Words>> = {
  '28P01': { code: 'database_refuses', remedy: 'correct the user and the password in its URL' },
  '28000': { code: 'database_refuses', remedy: 'correct the user in its URL, or let it in (pg_hba.conf)' },
  '3D000': { code: 'database_unknown', remedy: 'correct the name of the database in its URL' },
  '42P01': {
    code: 'table_unknown',
    remedy: 'names are case-sensitive here; a table outside of the search path needs its schema in front: sales.orders',
  },
  '42703': {
    code: 'column_unknown',
    remedy: 'names are case-sensitive here; look at columns, map and the fields of the entity',
  },
  '42501': {
    code: 'database_forbids',
    remedy: 'let the user of the URL read it: GRANT USAGE ON SCHEMA … TO …; GRANT SELECT ON … TO …',
  },
  '25006': { code: 'query_writes', remedy: 'the query has to read only' },
};

/**
 * What the failure of a statement means, in words.
 * @param timeout in milliseconds
 */
export function faultOf(error: unknown, timeout: number): Error {
  const state = sqlStateOf(error);
  const said = describeError(error);
  if (state === '57014') return timedOut(timeout, error);
  if (state === undefined || PASSING.test(state)) return new RetryableError('network', said, { cause: error });
  return refused(said, state, KNOWN[state]);
}

/** The SQLSTATE of an error that Postgres sent; undefined for a fault of the way to it. */
function sqlStateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
