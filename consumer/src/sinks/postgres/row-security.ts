import { RetryableError } from '@tributary/shared';
import type { Table } from './tables.js';
import type { Transaction } from './transaction.js';

const APPLIES = `(p.polroles = '{0}' OR EXISTS (SELECT FROM unnest(p.polroles) AS r (oid) WHERE pg_catalog.pg_has_role(r.oid, 'USAGE')))`;
const ALL_ROWS = `pg_catalog.pg_get_expr(p.polqual, p.polrelid) IS NOT DISTINCT FROM 'true'`;
const POLICY = `FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polcmd IN ('*', need.command) AND ${APPLIES}`;

/**
 * An expression: the tables of which the policies of another person (row level security) may hide rows from this user; NULL if there are
 * none. What is hidden looks as if it was never written, and a deletion of it takes no effect, without an error. A policy that
 * shows everything (`USING (true)`) does no harm, nor does one that only refuses new rows: that is an error.
 *
 * @param parameter holds the names of the tables, with their schema, such as `$1`
 */
export const hiding = (parameter: string): string => `
  (SELECT pg_catalog.string_agg(c.oid::pg_catalog.regclass::text, ', ') FROM pg_catalog.pg_class c
    WHERE c.oid = ANY(${parameter}::text[]::pg_catalog.regclass[]) AND c.relrowsecurity AND pg_catalog.row_security_active(c.oid)
      AND EXISTS (SELECT FROM (VALUES ('r'::"char"), ('w'::"char"), ('d'::"char")) AS need (command)
                   WHERE NOT EXISTS (SELECT ${POLICY} AND p.polpermissive AND ${ALL_ROWS})
                      OR EXISTS (SELECT ${POLICY} AND NOT p.polpermissive AND NOT ${ALL_ROWS})))`;

/** @throws RetryableError if policies may hide rows of these tables */
export async function checkNothingHidden(transaction: Transaction, tables: readonly Table[]): Promise<void> {
  const [found] = await transaction.query<{ hidden: string | null }>(`SELECT ${hiding('$1')} AS hidden`, [
    tables.map(({ sql }) => sql),
  ]);
  if (found?.hidden) throw rowsHidden(found.hidden);
}

export function rowsHidden(tables: string): RetryableError {
  const what = `row level security may hide rows of ${tables} from the user of POSTGRES_URL, which would then count as lost`;
  const remedy = `let it see all rows (ALTER ROLE ... BYPASSRLS, or a policy FOR ALL USING (true) WITH CHECK (true) that no restrictive policy narrows), or ALTER TABLE ... DISABLE ROW LEVEL SECURITY`;
  return new RetryableError('postgres_rows_hidden', `${what}: ${remedy}`);
}
