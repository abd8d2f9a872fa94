import {
  canonicalInteger,
  type Dataset,
  type Field,
  type FieldType,
  parseJson,
  SYSTEM_COLUMNS,
} from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import { cut, inOrder, type Lengths, LONGEST_CELL, type QueryColumn } from '../query/columns.js';

/** A column of a table as it is read. */
export interface ReadColumn extends QueryColumn {
  readonly field: Field | undefined;
  /** The column itself, quoted. */
  readonly sql: string;
}

const SYSTEM_TYPES: Readonly<Record<string, FieldType>> = { _deleted: 'boolean', _written_at: 'datetime' };

/** The columns of a dataset, Tributary's own last; `_order` is for the consumer alone. */
export function columnsOf(dataset: Dataset): ReadColumn[] {
  const own = Object.entries(dataset.columns).map(([name, field]) => readColumn(name, field.type, field));
  return [...own, ...SYSTEM_COLUMNS.map((name) => readColumn(name, SYSTEM_TYPES[name] ?? 'string', undefined))];
}

function readColumn(name: string, type: FieldType, field: Field | undefined): ReadColumn {
  const sql = escapeIdentifier(name);
  const text = asText(sql, type);
  const isText = type === 'string' || type === 'json' || type === 'list';
  const short = type === 'datetime' || type === 'date' ? text : sql;
  return {
    column: { name, type, optional: field?.optional ?? true, system: field === undefined },
    field,
    sql,
    text,
    sorted: [isText ? `NULLIF(${text}, '') COLLATE "C"` : sql],
    short: isText ? undefined : short,
    read: (cell, length) => readCell(cell, length, type, field),
  };
}

/**
 * A column as text that a person reads, in one form in every sink. Times as the consumer hashes them: in UTC, to
 * milliseconds, and to microseconds where there are any.
 */
function asText(sql: string, type: FieldType): string {
  switch (type) {
    case 'datetime': {
      const utc = `to_char(${sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
      return `regexp_replace(${utc}, '(\\.\\d{3}\\d*?)0+Z$', '\\1Z')`;
    }
    case 'date':
      return `to_char(${sql}, 'YYYY-MM-DD')`;
    default:
      return `${sql}::text`;
  }
}

export const LENGTHS: Lengths = {
  bytes: (text) => `octet_length(${text})`,
  units: (text) => `length(${text}) + length(regexp_replace(${text}, '[\\u0001-\\uFFFF]', '', 'g'))`,
  fetched: (text) => text,
};

function readCell(
  cell: unknown,
  length: number | undefined,
  type: FieldType,
  field: Field | undefined,
): { value: unknown; length?: number } {
  if (type === 'integer') return { value: canonicalInteger(String(cell)) ?? cell };
  if (type === 'number') return { value: Number(cell) };
  if (typeof cell !== 'string') return { value: cell };
  if (length !== undefined || cell.length > LONGEST_CELL) return { value: cut(cell), length: length ?? cell.length };
  return { value: type === 'json' || type === 'list' ? inOrder(parseJson(cell), field?.items) : cell };
}
