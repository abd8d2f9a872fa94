import { type Dataset, decodeCell, type Field, SYSTEM_COLUMNS } from '@tributary/shared';
import type { ClippedCell, Column, RowPage } from '../port.js';
import type { Dialect, QueryColumn } from './dialect.js';

/** Longer text is fetched by its beginning: a page of 500 rows must not become gigabytes. */
const LONGEST_CELL = 1000;
/** In UTF-8 a character takes up to four bytes: up to here a cell is fetched whole, and cut here. */
const WHOLE_BYTES = LONGEST_CELL * 4;

const ANY_TEXT: Field = { type: 'string', optional: true, maxLength: Number.MAX_SAFE_INTEGER };
const SYSTEM_TYPES: Readonly<Record<string, Field['type']>> = { _deleted: 'boolean', _written_at: 'datetime' };

export const isSystemColumn = (name: string): boolean => (SYSTEM_COLUMNS as readonly string[]).includes(name);

/** The columns of the configuration, those that it does not name, and Tributary's own. */
export function fieldsOf({ columns }: Dataset, names: readonly string[] = []): (readonly [string, Field])[] {
  const others = names.filter((name) => !isSystemColumn(name) && !Object.hasOwn(columns, name));
  return [
    ...Object.entries(columns),
    ...others.map((name) => [name, ANY_TEXT] as const),
    ...SYSTEM_COLUMNS.map((name) => [name, { ...ANY_TEXT, type: SYSTEM_TYPES[name] ?? 'string' }] as const),
  ];
}

/** Whether the sink writes the column's values as text, which a spreadsheet may take for a formula. */
export const isText = ({ name, type }: Pick<Column, 'name' | 'type'>): boolean =>
  name !== '_written_at' && (type === 'string' || type === 'datetime' || type === 'date');

export const columnOf = (name: string, { type, optional }: Field): Column => ({
  name,
  type,
  optional,
  system: isSystemColumn(name),
});

/** What is fetched of columns for a table's page: their values, and the lengths of those of which that is only the beginning. */
export function forPage(columns: readonly QueryColumn[], { bytes, units, fetched }: Dialect): string {
  const selected = columns.map(({ text }, index) => {
    const isLong = `${bytes(text)} > ${WHOLE_BYTES}`;
    return `CASE WHEN ${isLong} THEN left(${text}, ${LONGEST_CELL}) ELSE ${fetched(text)} END AS v${index},
      CASE WHEN ${isLong} THEN ${units(text)} END AS l${index}`;
  });
  return selected.join(', ');
}

/** The rows of a page as they were fetched. */
export function pageOf(
  fetched: readonly Readonly<Record<string, unknown>>[],
  columns: readonly QueryColumn[],
): Pick<RowPage, 'columns' | 'rows' | 'clipped'> {
  const clipped: ClippedCell[] = [];
  const rows = fetched.map((line, row) =>
    columns.map(({ column, field }, index) => {
      const text = line[`v${index}`];
      if (typeof text !== 'string') return null;
      const length = Number(line[`l${index}`] ?? text.length);
      if (length <= LONGEST_CELL) return decode(text, field) ?? null;
      clipped.push({ row, column: column.name, length });
      return cut(text);
    }),
  );
  return { columns: columns.map(({ column }) => column), rows, clipped };
}

/** The beginning of a text. A cut may go through the middle of an emoji, whose half has no UTF-8 form. */
const cut = (text: string): string => text.slice(0, LONGEST_CELL).toWellFormed();

/**
 * The value that a text stands for; undefined for nothing. One that its type cannot read, such as a cell of a column whose type was changed,
 * is shown as it stands.
 */
export function decode(text: string, field: Field): unknown {
  try {
    const value = inOrder(decodeCell(text, field, false), field.items);
    return (value === undefined && text !== '') || Number.isNaN(value) ? text : value;
  } catch {
    return text;
  }
}

/** The objects of a list with their names as the configuration has them: databases and canonical JSON have an order of their own. */
function inOrder(value: unknown, items: Readonly<Record<string, unknown>> | undefined): unknown {
  if (items === undefined || !Array.isArray(value)) return value;
  return value.map((item: unknown) => {
    if (item === null || typeof item !== 'object') return item;
    const [declared, rest] = [Object.keys(items).filter((name) => Object.hasOwn(item, name)), Object.entries(item)];
    return Object.fromEntries([
      ...declared.map((name) => [name, (item as Record<string, unknown>)[name]]),
      ...rest.filter(([name]) => !Object.hasOwn(items, name)),
    ]);
  });
}
