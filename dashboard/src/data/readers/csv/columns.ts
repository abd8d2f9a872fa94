import { decodeCell, type Field, SYSTEM_COLUMNS } from '@tributary/shared';
import { cut, inOrder, type Lengths, LONGEST_CELL, type QueryColumn } from '../query/columns.js';
import { isSystemColumn } from './part-file.js';
import type { StoredColumn, Table } from './table.js';

const anyText: Field = { type: 'string', optional: true, maxLength: Number.MAX_SAFE_INTEGER };
const SYSTEM_TYPES: Readonly<Record<string, Field['type']>> = { _deleted: 'boolean', _written_at: 'datetime' };

/** A column of a dataset: how its cells are read, and where they are stored. */
export interface ReadColumn extends QueryColumn {
  readonly stored: StoredColumn;
  /** The value, whole however long; undefined for nothing. */
  whole(text: string): unknown;
}

/** The columns of the configuration, those that only the parts have, and Tributary's own. */
export function columnsOf(table: Table): ReadColumn[] {
  const fields = new Map<string, Field>(Object.entries(table.dataset.columns));
  for (const { name } of table.columns) if (!isSystemColumn(name) && !fields.has(name)) fields.set(name, anyText);
  for (const name of SYSTEM_COLUMNS) fields.set(name, { ...anyText, type: SYSTEM_TYPES[name] ?? 'string' });
  return [...fields].map(([name, field]) => {
    const stored = table.column(name);
    return {
      column: { name, type: field.type, optional: field.optional, system: isSystemColumn(name) },
      stored,
      text: stored.text,
      sorted: sortedBy(stored, field.type, table.name),
      read: (cell, length) => readCell(String(cell), field, length),
      whole: (text) => decode(text, field),
    };
  });
}

/** What a column is sorted by: nothing is NULL. */
function sortedBy({ text, compared }: StoredColumn, type: Field['type'], table: string): string[] {
  if (compared === undefined) return [type === 'boolean' ? booleanOf(text) : `nullif(${text}, '')`];
  if (type !== 'integer' && type !== 'decimal') return [compared];
  // To read a million texts exactly takes 10 s of CPU. It is needed for those that are long, and for what might be equal to one.
  const isLong = `strlen(${text}) > ${SURE_DIGITS}`;
  const long = `SELECT ${compared} FROM ${table} WHERE ${isLong}`;
  return [compared, `CASE WHEN ${isLong} OR ${compared} IN (${long}) THEN ${exactly(text)} END`];
}

/** Numbers of so many digits that differ do so in 64 bits too. */
const SURE_DIGITS = 15;

/** Numbers that are one and the same in 64 bits differ in what comes behind: up to 20 digits before the point, and 18 behind it, are compared. */
export const exactly = (text: string): string => `TRY_CAST(${text} AS DECIMAL(38, 18))`;

/** As the sink's cells are read: what is not `true` is `false`. */
const booleanOf = (text: string): string =>
  `CASE WHEN ${text} IS NULL OR ${text} = '' THEN NULL WHEN ${text} = 'true' THEN 'true' ELSE 'false' END`;

export const LENGTHS: Lengths = {
  bytes: (text) => `strlen(${text})`,
  units: (text) => `length(regexp_replace(${text}, '[\\x{10000}-\\x{10FFFF}]', '--', 'g'))`,
  fetched,
};

/** DuckDB's library takes a byte order mark at the beginning of a text for none of its characters, and leaves it out. */
export function fetched(text: string): string {
  return `CASE WHEN starts_with(${text}, chr(65279)) THEN chr(65279) || ${text} ELSE ${text} END`;
}

function readCell(text: string, field: Field, length = text.length): { value: unknown; length?: number } {
  return length <= LONGEST_CELL ? { value: decode(text, field) ?? null } : { value: cut(text), length };
}

/** @param text as it was meant, not as it was neutralised */
function decode(text: string, field: Field): unknown {
  try {
    // A cell that its type cannot read, such as one of a column whose type was changed, is shown as it stands.
    const value = inOrder(decodeCell(text, field, false) ?? (text === '' ? undefined : text), field.items);
    return Number.isNaN(value) ? text : value;
  } catch {
    // A column whose type was changed in the configuration: its older cells are shown as they are.
    return text;
  }
}
