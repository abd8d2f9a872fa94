import { isClosing, ownValue, type Row, stringifyJson } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import { changesIn, contentOf, fillColumns, newestInHistory, recordReturns } from './history.js';
import { notSettled, RowNotKept } from './refusals.js';
import { hiding, rowsHidden } from './row-security.js';
import { settle } from './settle.js';
import { type Column, type DatasetTables, isLive, type Table, tablesIn } from './tables.js';
import type { Transaction } from './transaction.js';

/** What goes into one statement at most: as many rows, or as many characters, whichever comes first. */
const ROWS_PER_STATEMENT = 1_000;
const CHARACTERS_PER_STATEMENT = 8_000_000;

/**
 * Writes rows of one dataset, in a transaction of the caller. Writing the same rows again changes nothing: a row is replaced
 * only by a newer one.
 *
 * The tombstone of a key is first inserted like any row, and then into its own table. So every change of a key begins with
 * its row, whose lock makes concurrent writers take turns, and the statement that settles sees what the others did.
 */
export async function writeRows(
  transaction: Transaction,
  tables: DatasetTables,
  given: readonly Row[],
  options: { readonly writtenAt: string; readonly retired: readonly string[] },
): Promise<void> {
  const { rows, tombstones } = tables;
  const newest = newestOfEachKey(given);
  const keys = newest.map(({ key }) => key);
  const before = keepsHistory(tables) ? await contentBefore(transaction, tables, keys) : [];
  const replace = replaceOlder(rows, options.retired, tables.keepsDeleted);
  await insert(transaction, rows, newest, options.writtenAt, replace);
  const closed = newest.filter(isClosing);
  await insert(transaction, tombstones, closed, options.writtenAt, replaceOlder(tombstones, [], false));
  await transaction.query(settle(tables, options.retired, OF_KEYS), [keys]);
  await checkKept(transaction, tables, newest);
  if (!keepsHistory(tables)) return;
  const now = await contentOf(transaction, tables, keys);
  const { changes, late } = await changesIn(transaction, tables, given, before, now);
  await insertIntoHistory(transaction, tables.history, changes, options.writtenAt);
  await recordReturns(transaction, tables, late);
  // A column that was dropped is made again, and its values come again with rows that are no change.
  const fields = rows.columns.filter(({ field }) => field !== undefined).map(({ name }) => name);
  await fillColumns(transaction, tables, fields, late, options.writtenAt);
}

const OF_KEYS = (alias: string): string => `${alias}._key = ANY($1::text[])`;

/**
 * Each row has to be there, or a newer one, or a newer tombstone; a closed key has its tombstone; and no key has both. The
 * row of a deleted record that is kept is none.
 *
 * @throws RowNotKept if a trigger or a rule of another person has left out a row or a deletion: it would count as written
 * @throws RetryableError if policies may hide rows
 */
async function checkKept(transaction: Transaction, tables: DatasetTables, written: readonly Row[]): Promise<void> {
  const { rows, tombstones } = tables;
  const live = isLive(tables, 'r');
  const isKept = `COALESCE(r._order > o COLLATE "C" OR (r._order = o COLLATE "C" AND NOT closed AND ${live}), false) OR COALESCE(t._order >= o COLLATE "C", false)`;
  const isBoth = `r._key IS NOT NULL AND t._key IS NOT NULL AND ${live}`;
  const [found] = await transaction.query<Kept>(
    `SELECT ${hiding('$4')} AS hidden, lost.* FROM (SELECT) AS one LEFT JOIN LATERAL (
       SELECT k AS key, closed, ${isBoth} AS "isBoth" FROM unnest($1::text[], $2::text[], $3::boolean[]) AS given (k, o, closed)
         LEFT JOIN ${rows.sql} r ON r._key = k LEFT JOIN ${tombstones.sql} t ON t._key = k
        WHERE NOT (${isKept}) OR (${isBoth}) LIMIT 1) AS lost ON true`,
    [
      written.map(({ key }) => key),
      written.map(({ order }) => order),
      written.map(isClosing),
      tablesIn(tables).map(({ sql }) => sql),
    ],
  );
  if (found?.hidden) throw rowsHidden(found.hidden);
  if (found === undefined || found.key === null) return;
  if (found.isBoth) throw notSettled(tables, found.key);
  throw notKept(found.key, found.closed ? tombstones : rows);
}

interface Kept {
  /** As of {@link hiding}. */
  readonly hidden: string | null;
  /** Of a row that is not as it was written; null if there is none. */
  readonly key: string | null;
  readonly closed: boolean | null;
  readonly isBoth: boolean | null;
}

const notKept = (key: string, { sql }: Table): RowNotKept =>
  new RowNotKept(
    `Postgres took the row and did not keep it: a trigger or a rule on the table leaves it out (key ${key}, table ${sql})`,
  );

/** @throws RowNotKept if a trigger of another person has left out a row */
async function insertIntoHistory(
  transaction: Transaction,
  history: Table,
  changes: readonly Row[],
  writtenAt: string,
): Promise<void> {
  const { text, statements } = insertion(history, changes, writtenAt, 'ON CONFLICT DO NOTHING RETURNING 1');
  let inserted = 0;
  for (const values of statements) inserted += (await transaction.query(text, values)).length;
  // The others may be there already: the write is repeated.
  if (inserted === changes.length) return;
  const [missing] = await transaction.query<{ key: string }>(
    `SELECT k AS key FROM unnest($1::text[], $2::text[], $3::text[]) AS given (k, m, h)
      WHERE NOT EXISTS (SELECT FROM ${history.sql} WHERE _key = k AND _message_id = m AND _hash = h) LIMIT 1`,
    [changes.map(({ key }) => key), changes.map(({ messageId }) => messageId), changes.map(({ hash }) => hash)],
  );
  if (missing !== undefined) throw notKept(missing.key, history);
}

/** What these keys held. The history knows it of keys whose rows a person has removed. */
async function contentBefore(
  transaction: Transaction,
  tables: DatasetTables & { readonly history: Table },
  keys: readonly string[],
) {
  const present = await contentOf(transaction, tables, keys);
  const known = new Set(present.map(({ key }) => key));
  const others = keys.filter((key) => !known.has(key));
  return others.length === 0 ? present : [...present, ...(await newestInHistory(transaction, tables.history, others))];
}

const keepsHistory = (tables: DatasetTables): tables is DatasetTables & { readonly history: Table } =>
  tables.history !== undefined;

/**
 * One statement can write a key only once. The rows are sorted, so that two writers lock their keys in the same order. No lock on a
 * key is taken before this statement: a second order beside this one would let two writers wait for each other.
 */
function newestOfEachKey(rows: readonly Row[]): Row[] {
  const newest = new Map<string, Row>();
  for (const row of rows) {
    const known = newest.get(row.key);
    if (known === undefined || known.order <= row.order) newest.set(row.key, row);
  }
  return [...newest.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Of two rows with the same order (of messages of another program, without an id), the one written last stays. */
function replaceOlder(table: Table, retired: readonly string[], keepsDeleted: boolean): string {
  const changes = table.columns.map(({ name, field }) => {
    const column = escapeIdentifier(name);
    // The row of a deleted record keeps what it held.
    return keepsDeleted && field !== undefined
      ? `${column} = CASE WHEN EXCLUDED._deleted THEN landed.${column} ELSE EXCLUDED.${column} END`
      : `${column} = EXCLUDED.${column}`;
  });
  const losses = retired
    .map(escapeIdentifier)
    .map((column) => `${column} = ${keepsDeleted ? `CASE WHEN EXCLUDED._deleted THEN landed.${column} END` : 'NULL'}`);
  return `ON CONFLICT (_key) DO UPDATE SET ${[...changes, ...losses].join(', ')}
    WHERE landed._order < EXCLUDED._order OR (landed._order = EXCLUDED._order AND landed._hash <> EXCLUDED._hash)`;
}

async function insert(
  transaction: Transaction,
  table: Table,
  rows: readonly Row[],
  writtenAt: string,
  onConflict: string,
): Promise<void> {
  const { text, statements } = insertion(table, rows, writtenAt, onConflict);
  for (const values of statements) await transaction.query(text, values);
}

function insertion(table: Table, rows: readonly Row[], writtenAt: string, onConflict: string) {
  const names = table.columns.map(({ name }) => escapeIdentifier(name)).join(', ');
  const arrays = table.columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
  const text = `INSERT INTO ${table.sql} AS landed (${names}) SELECT * FROM unnest(${arrays}) ${onConflict}`;
  const cells = rows.map((row) => table.columns.map((column) => cellOf(row, column, writtenAt)));
  const statements = function* () {
    for (const some of inStatements(cells)) yield table.columns.map((_, index) => some.map((row) => row[index]));
  };
  return { text, statements: statements() };
}

type Cell = string | number | boolean | null;

function cellOf(row: Row, { name, type, field }: Column, writtenAt: string): Cell {
  if (field !== undefined) {
    const value = ownValue(row.values, name);
    if (value === undefined) return null;
    return type === 'jsonb' ? (stringifyJson(value) ?? null) : (value as Cell);
  }
  switch (name) {
    case '_key':
      return row.key;
    case '_hash':
      return row.hash;
    case '_version':
      return row.version;
    case '_message_id':
      return row.messageId;
    case '_order':
      return row.order;
    case '_deleted':
      return isClosing(row);
    default:
      return writtenAt;
  }
}

/** A few rows with very long fields must not make a statement that is longer than a string can be. */
function* inStatements(rows: readonly Cell[][]): Generator<readonly Cell[][]> {
  let statement: Cell[][] = [];
  let characters = 0;
  for (const row of rows) {
    statement.push(row);
    for (const cell of row) characters += typeof cell === 'string' ? cell.length : 8;
    if (statement.length < ROWS_PER_STATEMENT && characters < CHARACTERS_PER_STATEMENT) continue;
    yield statement;
    statement = [];
    characters = 0;
  }
  if (statement.length > 0) yield statement;
}
