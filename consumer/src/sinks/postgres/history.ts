import type { Row } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import { type DatasetTables, isLive, type Table } from './tables.js';
import type { Transaction } from './transaction.js';

/** One content of a key: its newest, or one of its history, or that it was closed. */
interface Content {
  readonly key: string;
  readonly hash: string;
  readonly order: string;
}

/** The newest content of these keys. It locks nothing: see {@link writeHistory}. */
export function contentOf(
  transaction: Transaction,
  tables: DatasetTables,
  keys: readonly string[],
): Promise<Content[]> {
  const { rows, tombstones } = tables;
  const select = ({ sql }: Table) =>
    `SELECT _key AS key, _hash AS hash, _order AS "order" FROM ${sql} AS held WHERE _key = ANY($1::text[])`;
  // One statement sees both tables as of one moment, so a key that is closed meanwhile is in one of them.
  const text = `${select(rows)} AND ${isLive(tables, 'held')} UNION ALL ${select(tombstones)}`;
  return transaction.query<Content>(text, [keys]);
}

/** The newest content of these keys in the history. */
export function newestInHistory(transaction: Transaction, history: Table, keys: readonly string[]): Promise<Content[]> {
  return transaction.query<Content>(
    `SELECT DISTINCT ON (_key) _key AS key, _hash AS hash, _order AS "order" FROM ${history.sql}
      WHERE _key = ANY($1::text[]) ORDER BY _key, _order DESC`,
    [keys],
  );
}

/**
 * The rows to add to the history. A row is a change if the row before it, in the history, has another content. So a row is
 * none that comes late and has the content of the row right before or right after it: a row that a dead writer had landed may be taken over by
 * another message of the same content, and written again under the order of that message.
 *
 * The caller has written the rows, so it holds the locks of their keys and no other writer adds to their history. `before` was read
 * earlier without locks. (If all keys were locked first, the locks on keys that are new would be taken after those on
 * keys that are not, and two writers could each wait for the other.) What was read without locks is enough for a row that is newer than all,
 * with another content: the ledger lets no two writers that live have the same content of a key in flight. All other keys are looked up in the history.
 *
 * @param before what the keys held before the rows were written
 * @param now what they hold since
 */
export async function changesIn(
  transaction: Transaction,
  tables: DatasetTables & { readonly history: Table },
  given: readonly Row[],
  before: readonly Content[],
  now: readonly Content[],
): Promise<{ readonly changes: readonly Row[]; readonly late: readonly string[] }> {
  const held = new Map(before.map((content) => [content.key, content]));
  const holds = new Map(now.map((content) => [content.key, content]));
  const changes: Row[] = [];
  const doubtful: Row[] = [];
  const late: string[] = [];
  for (const [key, rows] of rowsByKey(given)) {
    if (areChanges(rows, held.get(key), holds.get(key))) {
      changes.push(...rows);
    } else {
      doubtful.push(...rows);
      late.push(key);
    }
  }
  const neighbours = doubtful.length === 0 ? [] : await neighboursOf(transaction, tables.history, doubtful);
  return { changes: [...changes, ...changesOf(doubtful, neighbours)], late };
}

/** The rows of each key, in their order. */
function rowsByKey(given: readonly Row[]): Map<string, Row[]> {
  const keys = new Map<string, Row[]>();
  for (const row of given) {
    const rows = keys.get(row.key);
    if (rows === undefined) keys.set(row.key, [row]);
    else rows.push(row);
  }
  for (const rows of keys.values()) rows.sort(byOrder);
  return keys;
}

const byOrder = (a: { readonly order: string }, b: { readonly order: string }) =>
  a.order < b.order ? -1 : a.order > b.order ? 1 : 0;

/** Whether the rows of a key surely are changes, one after the other, of what it held. */
function areChanges(rows: readonly Row[], held: Content | undefined, holds: Content | undefined): boolean {
  let previous = held;
  for (const row of rows) {
    if (previous !== undefined && (previous.order >= row.order || previous.hash === row.hash)) return false;
    previous = row;
  }
  return previous !== undefined && previous.order === holds?.order;
}

/** For each row, the content right before its place in the history (or at it), and the one right behind. */
function neighboursOf(transaction: Transaction, history: Table, rows: readonly Row[]): Promise<Content[]> {
  const one = (condition: string, direction: string) =>
    `(SELECT h._hash, h._order FROM ${history.sql} h WHERE h._key = k.key AND h._order ${condition} k.place COLLATE "C"
       ORDER BY h._order ${direction} LIMIT 1)`;
  return transaction.query<Content>(
    `SELECT DISTINCT k.key, n._hash AS hash, n._order AS "order" FROM unnest($1::text[], $2::text[]) AS k (key, place)
      CROSS JOIN LATERAL (${one('<=', 'DESC')} UNION ALL ${one('>', 'ASC')}) AS n`,
    [rows.map(({ key }) => key), rows.map(({ order }) => order)],
  );
}

/** Those of the rows that have another content than the row before them, and than the stored one right behind them. */
export function changesOf(rows: readonly Row[], stored: readonly Content[]): Row[] {
  const inOrder = [
    // The sort is stable: a row that is written again comes right behind itself.
    ...stored.map((content) => ({ content, row: undefined })),
    ...rows.map((row) => ({ content: row, row })),
  ].sort(({ content: a }, { content: b }) => byOrder(a, b));
  const previous = new Map<string, { readonly content: Content; readonly row: Row | undefined }>();
  const changes = new Set<Row>();
  for (const one of inOrder) {
    const before = previous.get(one.content.key);
    const isSame = before?.content.hash === one.content.hash;
    if (one.row !== undefined && !isSame) changes.add(one.row);
    if (one.row === undefined && isSame && before?.row !== undefined) changes.delete(before.row);
    if (one.row === undefined || !isSame) previous.set(one.content.key, one);
  }
  return [...changes];
}

/**
 * Records in the history what the keys of late rows hold, where it is not the newest there. A content that came back was no
 * change when it was written, because the late row in between was not there yet. Now it is one.
 * @returns the number of contents that were added
 */
export async function recordReturns(
  transaction: Transaction,
  tables: DatasetTables & { readonly history: Table },
  late: readonly string[],
): Promise<number> {
  let added = 0;
  if (late.length === 0) return added;
  const { rows, tombstones, history } = tables;
  for (const table of [rows, tombstones]) {
    const held = table.columns.filter(({ name }) => name !== '_deleted');
    const names = held.map(({ name }) => escapeIdentifier(name)).join(', ');
    const newest = `SELECT h._hash FROM ${history.sql} h
      WHERE h._key = t._key AND h._order <= t._order ORDER BY h._order DESC LIMIT 1`;
    const inserted = await transaction.query(
      `INSERT INTO ${history.sql} (${names}, _deleted) SELECT ${names}, ${table === tombstones} FROM ${table.sql} t
        WHERE t._key = ANY($1::text[]) AND ${table === rows ? isLive(tables, 't') : true} AND t._hash IS DISTINCT FROM (${newest}) ON CONFLICT DO NOTHING RETURNING 1`,
      [late],
    );
    added += inserted.length;
  }
  return added;
}

/**
 * Fills columns of the history that a person had dropped, where the dataset's table has the same content and so the value. It is the
 * value of a content if the hash is the same.
 * @param writtenAt takes the value of rows alone that were written then
 */
export async function fillColumns(
  transaction: Transaction,
  { rows, history }: DatasetTables & { readonly history: Table },
  columns: readonly string[],
  keys: readonly string[],
  writtenAt?: string,
): Promise<void> {
  if (columns.length === 0 || keys.length === 0) return;
  const names = columns.map(escapeIdentifier);
  const filled = names.map((name) => `${name} = COALESCE(h.${name}, r.${name})`).join(', ');
  const lacks = names.map((name) => `(h.${name} IS NULL AND r.${name} IS NOT NULL)`).join(' OR ');
  await transaction.query(
    `UPDATE ${history.sql} h SET ${filled} FROM ${rows.sql} r
      WHERE r._key = ANY($1::text[]) AND h._key = r._key AND h._hash = r._hash AND NOT h._deleted AND (${lacks})
        AND ($2::timestamptz IS NULL OR r._written_at = $2::timestamptz)`,
    [keys, writtenAt ?? null],
  );
}
