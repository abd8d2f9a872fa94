import { type SqlColumn, SqlError } from './port.js';

/** Columns of a result, and characters of all their names: both are sent whole, and a file of JSON has the names in each row. */
const COLUMNS = 5_000;
const NAMES = 1_000_000;

/** @throws SqlError */
export function checkColumns(columns: readonly SqlColumn[]): void {
  const names = columns.reduce((sum, { name }) => sum + name.length, 0);
  if (columns.length > COLUMNS || names > NAMES)
    throw new SqlError('sql_too_large', 'its columns, or their names, are too many: choose those that are needed');
}
