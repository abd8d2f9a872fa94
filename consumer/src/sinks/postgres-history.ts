import type { Row } from '@tributary/shared';
import type { Transaction } from './postgres-database.js';
import type { DatasetTables } from './postgres-tables.js';

/** What a key holds: its newest content, or that it is closed. */
interface Content {
  readonly key: string;
  readonly hash: string;
  readonly order: string;
}

/**
 * What these keys hold before they are written. Their rows are locked, in the given order: whoever writes one of them at
 * the same time is waited for, or a content that goes in behind theirs would be compared with the one before theirs.
 */
export async function contentOf(
  transaction: Transaction,
  { rows, tombstones }: DatasetTables,
  keys: readonly string[],
): Promise<Content[]> {
  const contents: Content[] = [];
  // One after the other: what is waited for in the first may change what is in the second.
  for (const { sql } of [rows, tombstones]) {
    const select = `SELECT k.key, t._hash AS hash, t._order AS "order"
      FROM unnest($1::text[]) WITH ORDINALITY AS k (key, place) JOIN ${sql} t ON t._key = k.key
      ORDER BY k.place FOR UPDATE OF t`;
    contents.push(...(await transaction.query<Content>(select, [keys])));
  }
  return contents;
}

/**
 * The rows that are changes. One is not if its key had the very same content just before: what a dead writer had landed
 * is taken over by another message of the same content, and written again under that one's order.
 */
export function changesOf(rows: readonly Row[], before: readonly Content[]): Row[] {
  // Sorting is stable: a row that is written again comes right behind itself.
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
