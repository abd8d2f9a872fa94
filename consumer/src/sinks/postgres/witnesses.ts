import type { Row } from '@tributary/shared';
import type { PostgresTables } from './tables.js';
import type { Transaction } from './transaction.js';

/** So many rows of a write are remembered. All of them are missing, or older, in a table that was put back to what it was before. */
const MOST = 8;

/**
 * The newest rows of a write, by key and order, to be stored with its count. They bear witness that the table got so far: the order of a
 * key only grows.
 */
export function witnessesOf(written: readonly Row[]): string {
  const newest = written.toSorted((a, b) => (a.order < b.order ? 1 : -1)).slice(0, MOST);
  return JSON.stringify(newest.map(({ key, order }) => ({ key, order })));
}

/** Keys of rows that a table held and holds no more. */
export interface Witnesses {
  /** A key that has an older row now. Only a program that puts back older rows does that. */
  readonly older: string | undefined;
  /** A key that has no row now. A person may have deleted it. */
  readonly missing: string | undefined;
}

/** Looks for the rows of the last write of each writer to a dataset. */
export async function findWitnesses(
  transaction: Transaction,
  { marks, datasets }: PostgresTables,
  pipeline: string,
  dataset: string,
): Promise<Witnesses> {
  const tables = datasets.get(dataset);
  if (tables === undefined) return { older: undefined, missing: undefined };
  const found = await transaction.query<{ key: string; older: boolean }>(
    `SELECT w.key, r._key IS NOT NULL OR t._key IS NOT NULL AS older
       FROM ${marks.sql} m
      CROSS JOIN jsonb_to_recordset(m.witnesses) AS w (key text, "order" text)
       LEFT JOIN ${tables.rows.sql} r ON r._key = w.key
       LEFT JOIN ${tables.tombstones.sql} t ON t._key = w.key
      WHERE m.pipeline = $1 AND m.dataset = $2
        AND (r._order IS NULL OR r._order < w."order" COLLATE "C") AND (t._order IS NULL OR t._order < w."order" COLLATE "C")`,
    [pipeline, dataset],
  );
  const keyOf = (isOlder: boolean) => found.find(({ older }) => older === isOlder)?.key;
  return { older: keyOf(true), missing: keyOf(false) };
}
