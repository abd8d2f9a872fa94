import type { ClippedCell, Column, RowPage } from '../port.js';

/** Longer text is fetched by its beginning: a page of 500 rows must not become gigabytes. */
export const LONGEST_CELL = 1000;
/** In UTF-8 a character takes up to four bytes: up to here a cell is fetched whole, and cut by its reader. */
const WHOLE_BYTES = LONGEST_CELL * 4;

/** A column of a dataset: how a statement names it, and how its cells are read. */
export interface QueryColumn {
  readonly column: Column;
  /** Its text; '' or NULL for nothing. */
  readonly text: string;
  /** What rows are sorted by, the first first: NULL for nothing. */
  readonly sorted: readonly string[];
  /** What is fetched for a page, where that is never long; its text unless given. */
  readonly short?: string | undefined;
  /**
   * @param cell what was fetched, and not NULL
   * @param length the text's, if the cell is only its beginning
   * @returns the value, null for nothing; and the text's length if the value is only its beginning
   */
  read(cell: unknown, length: number | undefined): { value: unknown; length?: number };
}

/** How a database says what the statements of all have in common. */
export interface Lengths {
  /** Bytes of a text in UTF-8. */
  bytes(text: string): string;
  /** The length of a text in JavaScript, which counts a character beyond U+FFFF as two. */
  units(text: string): string;
  /** What has to be asked for so that this text comes as it is. */
  fetched(text: string): string;
}

/** What is fetched of a column for a table's page: its value, and its length if that is only its beginning. */
export function forPage({ text, short }: QueryColumn, index: number, { bytes, units, fetched }: Lengths): string[] {
  if (short !== undefined) return [`${short} AS v${index}`];
  const isLong = `${bytes(text)} > ${WHOLE_BYTES}`;
  return [
    `CASE WHEN ${isLong} THEN left(${text}, ${LONGEST_CELL}) ELSE ${fetched(text)} END AS v${index}`,
    `CASE WHEN ${isLong} THEN ${units(text)} END AS l${index}`,
  ];
}

/** The rows of a page as they were fetched. */
export function pageOf(
  fetched: readonly Readonly<Record<string, unknown>>[],
  columns: readonly QueryColumn[],
): Pick<RowPage, 'columns' | 'rows' | 'clipped'> {
  const clipped: ClippedCell[] = [];
  const rows = fetched.map((line, row) =>
    columns.map(({ column, read }, index) => {
      const cell = line[`v${index}`];
      if (cell === null || cell === undefined) return null;
      const long = line[`l${index}`];
      const { value, length } = read(cell, long === null || long === undefined ? undefined : Number(long));
      if (length !== undefined) clipped.push({ row, column: column.name, length });
      return value;
    }),
  );
  return { columns: columns.map(({ column }) => column), rows, clipped };
}

/** The beginning of a text. A cut may go through the middle of an emoji, whose half has no UTF-8 form. */
export const cut = (text: string): string => text.slice(0, LONGEST_CELL).toWellFormed();

/** The objects of a list with their names as the configuration has them: databases and canonical JSON have an order of their own. */
export function inOrder(value: unknown, items: Readonly<Record<string, unknown>> | undefined): unknown {
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
