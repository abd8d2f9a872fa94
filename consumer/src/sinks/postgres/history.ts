import type { Row } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import type { Transaction } from './database.js';
import type { DatasetTables } from './tables.js';

/** What a key holds: its newest content, or that it is closed. */
interface Content {
  readonly key: string;
  readonly hash: string;
  readonly order: string;
}

/**
 * What these keys hold before they are written. Their rows are locked, in the given order. So this waits for another writer
 * that writes one of the keys at the same time. Otherwise a content would be compared with the one before that writer's.
 */
export async function contentOf(
  transaction: Transaction,
  { rows, tombstones }: DatasetTables,
  keys: readonly string[],
): Promise<Content[]> {
  const contents: Content[] = [];
  // One table after the other: the writer that this waits for in the first may change what is in the second.
  for (const { sql } of [rows, tombstones]) {
    const select = `SELECT k.key, t._hash AS hash, t._order AS "order"
      FROM unnest($1::text[]) WITH ORDINALITY AS k (key, place) JOIN ${sql} t ON t._key = k.key
      ORDER BY k.place FOR UPDATE OF t`;
    contents.push(...(await transaction.query<Content>(select, [keys])));
  }
  return contents;
}

/**
 * The rows that are changes. A row is none if its key had exactly the same content just before: a row that a dead writer had
 * landed may be taken over by another message of the same content, and written again under the order of that message.
 */
export function changesOf(rows: readonly Row[], before: readonly Content[]): Row[] {
  // The sort is stable: a row that is written again comes right behind itself.
  const inOrder = [
    ...before.map((content) => ({ content, row: undefined })),
    ...rows.map((row) => ({ content: row, row })),
  ].sort(({ content: a }, { content: b }) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
  const previous = new Map<string, string>();
  const changes: Row[] = [];
  for (const { content, row } of inOrder) {
    if (row !== undefined && previous.get(content.key) !== content.hash) changes.push(row);
    previous.set(content.key, content.hash);
  }
  return changes;
}

/**
 * Records in the history what the keys of late rows hold, where it is not the newest there. A content that came back was no
 * change when it was written, because the late row in between was not there yet. Now it is one.
 *
 * @param before what the keys held when the rows came, still locked
 */
export async function recordReturns(
  transaction: Transaction,
  { rows, tombstones, history }: DatasetTables,
  given: readonly Row[],
  before: readonly Content[],
): Promise<void> {
  const held = new Map(before.map((content) => [content.key, content]));
  const late = given.filter(({ key, order, hash }) => {
    const content = held.get(key);
    return content !== undefined && order < content.order && hash !== content.hash;
  });
  if (history === undefined || late.length === 0) return;
  const keys = late.map(({ key }) => key);
  for (const table of [rows, tombstones]) {
    const names = table.columns.map(({ name }) => escapeIdentifier(name)).join(', ');
    const newest = `SELECT h._hash FROM ${history.sql} h
      WHERE h._key = t._key AND h._order <= t._order ORDER BY h._order DESC LIMIT 1`;
    await transaction.query(
      `INSERT INTO ${history.sql} (${names}, _deleted) SELECT ${names}, ${table === tombstones} FROM ${table.sql} t
        WHERE t._key = ANY($1::text[]) AND t._hash IS DISTINCT FROM (${newest}) ON CONFLICT DO NOTHING`,
      [keys],
    );
  }
}
