import type { Column } from '../port.js';
import type { StoredColumn, Table } from './table.js';
import { type CellReader, cellReaders } from './values.js';

/** A column of a dataset: how its cells are read, and where they are stored. */
export interface ReadColumn extends CellReader {
  readonly column: Column;
  readonly stored: StoredColumn;
}

/** The columns of the configuration, those that only the parts have, and Tributary's own. */
export const columnsOf = (table: Table): ReadColumn[] =>
  cellReaders(
    table.dataset,
    table.columns.map(({ name }) => name),
  ).map((reader) => ({ ...reader, stored: table.column(reader.column.name) }));

/** Longer text is fetched by its beginning: a page of 500 rows must not become gigabytes. */
const LONGEST_CELL = 1000;
/** In UTF-8 a character takes up to four bytes: up to here a cell is fetched whole, and cut by its reader. */
const WHOLE_BYTES = LONGEST_CELL * 4;

/** What is fetched of a column for a table's page: its text, and its length if that is only its beginning. */
export function forPage({ stored: { text } }: ReadColumn, index: number): string[] {
  const isLong = `strlen(${text}) > ${WHOLE_BYTES}`;
  // JavaScript counts a character beyond U+FFFF as two.
  const length = `length(regexp_replace(${text}, '[\\x{10000}-\\x{10FFFF}]', '--', 'g'))`;
  return [
    `CASE WHEN ${isLong} THEN left(${text}, ${LONGEST_CELL}) ELSE ${text} END AS c${index}`,
    `CASE WHEN ${isLong} THEN ${length} END AS l${index}`,
  ];
}

/** What a column is sorted by: nothing is NULL. */
export function sortedBy({ column: { type }, stored: { text, compared } }: ReadColumn): string {
  if (compared !== undefined) return compared;
  return type === 'boolean' ? booleanOf(text) : `nullif(${text}, '')`;
}

/** As the sink's cells are read: what is not `true` is `false`. */
export const booleanOf = (text: string): string =>
  `CASE WHEN ${text} IS NULL OR ${text} = '' THEN NULL WHEN ${text} = 'true' THEN 'true' ELSE 'false' END`;
