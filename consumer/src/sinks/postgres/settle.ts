import { escapeIdentifier } from 'pg';
import { type DatasetTables, isLive } from './tables.js';

/**
 * A statement: of a row and a tombstone of one key, the newer stays. The caller holds the locks of its keys, so no other writer changes them.
 * Where deleted rows are kept, the row of a key that is closed stays too, marked, with what its tombstone says of it.
 *
 * @param retired columns of fields that an earlier configuration wrote
 * @param among a condition for the keys that are settled, of the table with this alias
 */
export function settle(tables: DatasetTables, retired: readonly string[], among: (alias: string) => string): string {
  const { rows, tombstones } = tables;
  const isClosed = `${among('r')} AND t._key = r._key AND t._order >= r._order`;
  const reopened = `
    DELETE FROM ${tombstones.sql} t USING ${rows.sql} r
     WHERE ${among('t')} AND r._key = t._key AND t._order < r._order AND ${isLive(tables, 'r')}`;
  if (!tables.keepsDeleted) {
    return `WITH closed AS (DELETE FROM ${rows.sql} r USING ${tombstones.sql} t WHERE ${isClosed}) ${reopened}`;
  }
  // A tombstone passes through the table as a row without fields, and nothing is kept of a record of which nothing was there.
  const fields = [...rows.columns.filter(({ field }) => field !== undefined).map(({ name }) => name), ...retired];
  const isEmpty = `ROW(${fields.map((name) => `r.${escapeIdentifier(name)}`).join(', ')}) IS NULL`;
  const told = tombstones.columns.map(({ name }) => `${escapeIdentifier(name)} = t.${escapeIdentifier(name)}`);
  return `
    WITH empty AS (DELETE FROM ${rows.sql} r USING ${tombstones.sql} t WHERE ${isClosed} AND ${isEmpty}),
         closed AS (UPDATE ${rows.sql} r SET ${told.join(', ')}, _deleted = true FROM ${tombstones.sql} t
                     WHERE ${isClosed} AND ${isLive(tables, 'r')} AND NOT (${isEmpty}))
    ${reopened}`;
}
