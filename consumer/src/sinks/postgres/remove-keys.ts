import type { InEpoch } from './in-ranges.js';
import { findLeftHistory } from './left-history.js';
import type { PostgresMarks } from './marks.js';
import { type DatasetTables, type PostgresTables, tablesIn } from './tables.js';

const KEYS_AT_A_TIME = 1_000;

/** Removes keys from all tables of a dataset, some in each transaction of the epoch: of each key all rows go, or none. What is newer is never touched. */
export async function removePostgresKeys(
  inEpoch: InEpoch,
  tables: PostgresTables,
  dataset: DatasetTables,
  marks: PostgresMarks,
  newest: ReadonlyMap<string, string>,
): Promise<Record<string, number>> {
  const removed: Record<string, number> = {};
  const all = [...newest];
  for (let from = 0; from < all.length; from += KEYS_AT_A_TIME) {
    const some = all.slice(from, from + KEYS_AT_A_TIME);
    const meant = [some.map(([key]) => key), some.map(([, order]) => order)];
    await inEpoch(async (transaction) => {
      // They name keys of rows, and would tell that these are missing.
      await marks.forgetWitnesses(transaction);
      const left = await findLeftHistory(transaction, tables, dataset);
      for (const { name, sql } of [...tablesIn(dataset), ...(left === undefined ? [] : [left])]) {
        const gone = await transaction.query(
          `DELETE FROM ${sql} AS r USING unnest($1::text[], $2::text[]) AS meant(key, newest)
            WHERE r._key = meant.key AND r._order <= meant.newest COLLATE "C" RETURNING 1`,
          meant,
        );
        if (gone.length > 0) removed[name] = (removed[name] ?? 0) + gone.length;
      }
    });
  }
  return removed;
}
