import { escapeIdentifier } from 'pg';
import type { StoredDataset, StoredOutput } from '../port.js';
import type { Database } from './database.js';
import { findMarked } from './kept-deleted.js';
import type { PostgresTables } from './tables.js';
import type { Transaction } from './transaction.js';

/** Milliseconds that a look may lie idle. */
const PATIENCE = 60_000;

interface FoundColumn {
  readonly table: string;
  readonly column: string;
  /** The type of its field; null for a column that is not of a field. */
  readonly field: string | null;
}

/** What the schema holds, whatever the pipeline file says now. Nothing is changed, and what is missing is not made. */
export async function readStored(database: Database, tables: PostgresTables, pipeline: string): Promise<StoredOutput> {
  const transaction = await database.begin('REPEATABLE READ READ ONLY', { hangTimeout: PATIENCE });
  try {
    const columns = await transaction.query<FoundColumn>(FIND_COLUMNS, [tables.schema]);
    const names = [...new Set(columns.map(({ table }) => table))];
    const isShared = names.length > 0 && (await hasOtherPipelines(transaction, tables, pipeline));
    const datasets: StoredDataset[] = [];
    for (const name of names) {
      const belongs = /^(.*)_(tombstones|history)$/.exec(name)?.[1];
      if (belongs !== undefined && names.includes(belongs)) continue;
      // Tables of another pipeline look the same.
      if (isShared && !tables.datasets.has(name)) continue;
      const fields = columns.filter(({ table, field }) => table === name && field !== null);
      datasets.push(
        await readDataset(transaction, `${escapeIdentifier(tables.schema)}.${escapeIdentifier(name)}`, name, fields),
      );
    }
    return {
      datasets,
      // A consumer makes all tables before it writes.
      isBegun: datasets.length > 0,
      more: await tellRemovals(transaction, tables),
      droppedColumn:
        'the column stays, and is emptied row by row as records are written again; copy it first if you need it',
      changedType: 'the consumer waits until you have run the ALTER TABLE that its log and /readyz show',
    };
  } finally {
    await transaction.abandon();
  }
}

async function readDataset(
  transaction: Transaction,
  sql: string,
  name: string,
  fields: readonly FoundColumn[],
): Promise<StoredDataset> {
  const [counted] = await transaction.query<{ n: string }>(`SELECT count(*) AS n FROM ${sql}`);
  const rows = await transaction.query<{ key: string; values: Record<string, unknown> }>(
    `SELECT _key AS key, to_jsonb(t) AS values FROM ${sql} t LIMIT 20`,
  );
  const columns = new Map(fields.map(({ column, field }) => [column, field ?? undefined]));
  return { name, amount: `${counted?.n ?? 0} rows`, isEmpty: counted?.n === '0', columns, sample: rows };
}

/** Of the rows of deleted records that were kept, and are to be removed by now. */
async function tellRemovals(transaction: Transaction, { schema, datasets }: PostgresTables): Promise<string[]> {
  const told: string[] = [];
  const removing = [...datasets.values()].filter(({ keepsDeleted }) => !keepsDeleted).map(({ rows }) => rows.name);
  for (const name of await findMarked(transaction, schema, removing)) {
    const sql = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
    const [counted] = await transaction.query<{ n: string }>(`SELECT count(*) AS n FROM ${sql} WHERE _deleted`);
    const count = counted?.n ?? '0';
    if (count === '0') continue;
    told.push(
      `${name} holds ${count} rows of deleted records, kept while sink.postgres.deletes was keep: they are removed when a consumer starts.`,
    );
  }
  return told;
}

async function hasOtherPipelines(
  transaction: Transaction,
  { schema, meta }: PostgresTables,
  pipeline: string,
): Promise<boolean> {
  const [there] = await transaction.query(
    'SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2',
    [schema, meta.name],
  );
  if (there === undefined) return false;
  const others = await transaction.query(`SELECT 1 FROM ${meta.sql} WHERE pipeline <> $1 LIMIT 1`, [pipeline]);
  return others.length > 0;
}

/** Of the tables that look like Tributary's. See `MARK` in schema.ts for the comments. */
const FIND_COLUMNS = `
  SELECT c.relname AS "table", a.attname AS "column",
         substring(pg_catalog.col_description(c.oid, a.attnum) FROM '^Tributary: (.*)$') AS field
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
     AND (SELECT count(*) FROM pg_catalog.pg_attribute s
           WHERE s.attrelid = c.oid AND s.attname IN ('_key', '_hash', '_order', '_message_id') AND NOT s.attisdropped) = 4
   ORDER BY c.relname, a.attnum`;
