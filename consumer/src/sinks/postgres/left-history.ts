import { escapeIdentifier } from 'pg';
import type { Column, DatasetTables, PostgresTables, Table } from './tables.js';
import type { Transaction } from './transaction.js';

const DELETED: Column = { name: '_deleted', type: 'boolean', constraint: 'NOT NULL', field: undefined };

/**
 * The history of a dataset from when it was kept: where the setting is off by now, its table stays, and nobody writes to it. Whoever looks for all that is
 * held of a key has to look there too.
 * @returns undefined where there is none, or the history is kept
 */
export async function findLeftHistory(
  transaction: Transaction,
  { schema, datasets }: PostgresTables,
  { dataset, rows, history }: DatasetTables,
): Promise<Table | undefined> {
  const name = `${dataset.name}_history`;
  if (history !== undefined || datasets.has(name)) return undefined;
  const [found] = await transaction.query<{ types: Readonly<Record<string, string>> | null }>(FIND, [schema, name]);
  if (found === undefined) return undefined;
  // A field may have had another type then.
  const columns = [...rows.columns.filter((column) => column.name !== DELETED.name), DELETED].filter(
    (column) => found.types?.[column.name] === column.type,
  );
  return { name, sql: `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`, columns, key: KEY };
}

const KEY = ['_key', '_message_id', '_hash'];

/** By its key, which a table of a dataset called so does not have, nor one that a person made. */
const FIND = `
  SELECT (SELECT jsonb_object_agg(a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)) FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS types
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
   WHERE n.nspname = $1 AND c.relname = $2
     AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C") FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum = ANY(i.indkey)) = ARRAY['_hash', '_key', '_message_id']`;
