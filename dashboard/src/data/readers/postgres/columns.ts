import {
  canonicalInteger,
  type Dataset,
  type Field,
  type FieldType,
  parseJson,
  SYSTEM_COLUMNS,
} from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import type { Column } from '../port.js';

/** Longer text is fetched by its beginning: a page of 500 rows must not become gigabytes. */
export const LONGEST_CELL = 1000;
/** In UTF-8 a character takes up to four bytes: up to here a cell is fetched whole, and cut by us. */
const WHOLE_BYTES = LONGEST_CELL * 4;

/** A column of a table as it is read. */
export interface ReadColumn extends Column {
  readonly field: Field | undefined;
  /** The column itself, quoted. */
  readonly sql: string;
}

const SYSTEM_TYPES: Readonly<Record<string, FieldType>> = { _deleted: 'boolean', _written_at: 'datetime' };

/** The columns of a dataset, Tributary's own last; `_order` is for the consumer alone. */
export function columnsOf(dataset: Dataset): ReadColumn[] {
  const own = Object.entries(dataset.columns).map(([name, field]) => ({
    name,
    type: field.type,
    optional: field.optional,
    system: false,
    field,
    sql: escapeIdentifier(name),
  }));
  const system = SYSTEM_COLUMNS.map((name) => ({
    name,
    type: SYSTEM_TYPES[name] ?? 'string',
    optional: true,
    system: true,
    field: undefined,
    sql: escapeIdentifier(name),
  }));
  return [...own, ...system];
}

/**
 * A column as text that a person reads, in one form in every sink. Times as the consumer hashes them: in UTC, to
 * milliseconds, and to microseconds where there are any.
 */
export function asText({ sql, type }: ReadColumn): string {
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

/** What is fetched of a column for a table's page: its value, and its length if that is only its beginning. */
export function forPage(column: ReadColumn, index: number): string[] {
  const { type, sql } = column;
  const value = type === 'datetime' || type === 'date' ? asText(column) : sql;
  if (type !== 'string' && type !== 'json' && type !== 'list') return [`${value} AS v${index}`];
  const text = `${sql}::text`;
  const isLong = `octet_length(${text}) > ${WHOLE_BYTES}`;
  // JavaScript counts a character beyond U+FFFF as two.
  const length = `length(${text}) + length(regexp_replace(${text}, '[\\u0001-\\uFFFF]', '', 'g'))`;
  return [
    `CASE WHEN ${isLong} THEN left(${text}, ${LONGEST_CELL}) ELSE ${text} END AS v${index}`,
    `CASE WHEN ${isLong} THEN ${length} END AS l${index}`,
  ];
}

/** A fetched value as the page shows it, null for nothing. */
export function readValue(
  value: unknown,
  length: unknown,
  { type, field }: ReadColumn,
): { value: unknown; length?: number } {
  if (value === null || value === undefined) return { value: null };
  if (type === 'integer') return { value: canonicalInteger(String(value)) ?? value };
  if (type === 'number') return { value: Number(value) };
  if (typeof value !== 'string') return { value };
  if (length !== null && length !== undefined) return { value: cut(value), length: Number(length) };
  if (type === 'json' || type === 'list') {
    if (value.length > LONGEST_CELL) return { value: cut(value), length: value.length };
    return { value: inOrder(parseJson(value), field?.items) };
  }
  return value.length > LONGEST_CELL ? { value: cut(value), length: value.length } : { value };
}

/** A cut may go through the middle of an emoji, whose half has no UTF-8 form. */
const cut = (text: string): string => text.slice(0, LONGEST_CELL).toWellFormed();

/** Postgres orders the names of a JSON object its own way; a person expects them as the configuration has them. */
function inOrder(value: unknown, items: Field['items']): unknown {
  if (items === undefined || !Array.isArray(value)) return value;
  return value.map((item: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.keys(items).flatMap((name) => (Object.hasOwn(item, name) ? [[name, item[name]]] : []))),
  );
}
