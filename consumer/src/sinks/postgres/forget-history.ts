import { IN_RANGE, type InEpoch, inRanges } from './in-ranges.js';
import type { PostgresTables } from './tables.js';

/** Whether {@link forgetPostgresHistory} would remove anything. @param reading runs one transaction, of no epoch */
export async function hasOldPostgresStates(
  reading: InEpoch,
  { datasets }: PostgresTables,
  before: number,
): Promise<boolean> {
  let isFound = false;
  for (const { history } of datasets.values()) {
    if (history === undefined || isFound) continue;
    const statement = `
      SELECT 1 FROM ${history.sql} n
       WHERE ${IN_RANGE('n')} AND n._written_at < $3::timestamptz
         AND EXISTS (SELECT 1 FROM ${history.sql} h WHERE h._key = n._key AND h._order < n._order) LIMIT 1`;
    await inRanges(reading, history, async (transaction, range) => {
      isFound = (await transaction.query(statement, [...range, new Date(before).toISOString()])).length > 0;
      return isFound ? 'enough' : undefined;
    });
  }
  return isFound;
}

/** Removes older states from the histories, some keys in each transaction of the epoch. What was removed is removed whatever comes next. */
export async function forgetPostgresHistory(
  inEpoch: InEpoch,
  { datasets }: PostgresTables,
  before: number,
): Promise<Record<string, number>> {
  const removed: Record<string, number> = {};
  for (const { history } of datasets.values()) {
    if (history === undefined) continue;
    const statement = `
      DELETE FROM ${history.sql} h
       USING (SELECT n._key, max(n._order) AS "order" FROM ${history.sql} n
               WHERE ${IN_RANGE('n')} AND n._written_at < $3::timestamptz GROUP BY n._key) AS newer
       WHERE ${IN_RANGE('h')} AND h._key = newer._key AND h._order < newer."order" RETURNING 1`;
    await inRanges(inEpoch, history, async (transaction, range) => {
      const gone = await transaction.query(statement, [...range, new Date(before).toISOString()]);
      if (gone.length > 0) removed[history.name] = (removed[history.name] ?? 0) + gone.length;
    });
  }
  return removed;
}
