import { contentHash, type Dataset, type Logger, tombstoneHash } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import { IN_RANGE, type InEpoch, inRanges, type Range } from './in-ranges.js';
import { notSettled } from './refusals.js';
import type { Retired } from './schema.js';
import { settle } from './settle.js';
import { type DatasetTables, DELETED_COMMENT, isLive, type PostgresTables } from './tables.js';
import type { Transaction } from './transaction.js';

/**
 * Makes the rows of deleted records what the setting asks for, in each table that has the column `_deleted`: the setting may have changed, a
 * consumer without the column may have written over such a row, and a person may have changed or dropped the column. The tombstones decide.
 *
 * To be called when an epoch has begun and before any writer enters it: no row is written meanwhile. A consumer that stood still and wakes in a
 * newer epoch changes nothing more: with another setting it would remove what is kept by now.
 */
export async function mendDeleted(
  inEpoch: InEpoch,
  { schema, datasets }: PostgresTables,
  retired: Retired,
  log: Pick<Logger, 'info' | 'warn'> | undefined,
): Promise<void> {
  const found = await inEpoch((transaction) => findMarked(transaction, schema, [...datasets.keys()]));
  for (const table of found) {
    const tables = datasets.get(table);
    if (tables === undefined) continue;
    let kept = 0;
    let mended = 0;
    await inRanges(inEpoch, tables.rows, async (transaction, range) => {
      mended += await mendRows(transaction, tables, range);
      kept += await countDeleted(transaction, tables, range);
    });
    const statement = settle(tables, retired.get(table) ?? [], IN_RANGE);
    await inRanges(inEpoch, tables.tombstones, async (transaction, range) => {
      await transaction.query(statement, [...range]);
      await checkSettled(transaction, tables, range);
    });
    if (mended > 0)
      log?.warn({ table, mended }, `${tables.rows.sql}: _deleted was wrong in ${mended} rows, and is mended`);
    if (kept > 0 && !tables.keepsDeleted)
      log?.info({ table, removed: kept }, `${tables.rows.sql}: the ${kept} rows of deleted records are removed now`);
  }
}

/**
 * The tables whose deleted rows were kept, whatever the setting says now.
 * @param names of tables of the schema
 */
export async function findMarked(
  transaction: Transaction,
  schema: string,
  names: readonly string[],
): Promise<string[]> {
  const found = await transaction.query<{ table: string }>(FIND, [schema, names, DELETED_COMMENT]);
  return found.map(({ table }) => table);
}

/** @throws RowNotKept if a trigger or a rule of another person has left out what was to be done: the row would count as one that is there */
async function checkSettled(transaction: Transaction, tables: DatasetTables, range: Range): Promise<void> {
  const { rows, tombstones } = tables;
  const [left] = await transaction.query<{ key: string }>(
    `SELECT r._key AS key FROM ${rows.sql} r JOIN ${tombstones.sql} t ON t._key = r._key
      WHERE ${IN_RANGE('t')} AND t._order >= r._order AND ${isLive(tables, 'r')} LIMIT 1`,
    [...range],
  );
  if (left !== undefined) throw notSettled(tables, left.key);
}

/** Rows that are marked (or neither marked nor not, where a person has changed the column), and no tombstone of their key says so. @returns how many there were */
async function mendRows(transaction: Transaction, { rows, tombstones, dataset }: DatasetTables, range: Range) {
  const marked = await transaction.query<{ key: string; hash: string; version: string }>(
    `SELECT r._key AS key, r._hash AS hash, r._version AS version FROM ${rows.sql} r
      WHERE ${IN_RANGE('r')} AND r._deleted IS DISTINCT FROM false
        AND NOT EXISTS (SELECT FROM ${tombstones.sql} t WHERE t._key = r._key AND t._order >= r._order)`,
    [...range],
  );
  if (marked.length === 0) return 0;
  // The hash tells whether the tombstone was lost, or a consumer that knows nothing of the column wrote a newer content.
  const keysOf = (isTombstone: boolean) =>
    marked.filter((row) => isTombstone === (row.hash === hashOfTombstone(dataset, row))).map(({ key }) => key);
  const names = tombstones.columns.map(({ name }) => escapeIdentifier(name));
  await transaction.query(
    `INSERT INTO ${tombstones.sql} (${names.join(', ')}) SELECT ${names.join(', ')} FROM ${rows.sql} WHERE _key = ANY($1::text[])
     ON CONFLICT (_key) DO UPDATE SET ${names.map((name) => `${name} = EXCLUDED.${name}`).join(', ')}`,
    [keysOf(true)],
  );
  await transaction.query(`UPDATE ${rows.sql} SET _deleted = false WHERE _key = ANY($1::text[])`, [keysOf(false)]);
  return marked.length;
}

function hashOfTombstone({ entity, hashedAs }: Dataset, { key, version }: { key: string; version: string }): string {
  return entity === undefined ? contentHash(hashedAs, key, null) : tombstoneHash(hashedAs, key, version);
}

async function countDeleted(transaction: Transaction, { rows }: DatasetTables, range: Range): Promise<number> {
  const text = `SELECT count(*)::int AS n FROM ${rows.sql} r WHERE ${IN_RANGE('r')} AND r._deleted`;
  const [counted] = await transaction.query<{ n: number }>(text, [...range]);
  return counted?.n ?? 0;
}

/** The tables with the column. One of that name that a person added has another comment. */
const FIND = `
  SELECT c.relname AS "table"
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = '_deleted' AND NOT a.attisdropped
   WHERE n.nspname = $1 AND c.relname = ANY($2::text[]) AND pg_catalog.col_description(c.oid, a.attnum) = $3`;
