import { isMapping, pathToName } from '@tributary/shared';
import { singular } from '../names.js';
import type { Unrated } from './place.js';
import { typeOf } from './types.js';

/** A list of a body that could name the cells of its rows: `["id", "name"]` or `[{"name": "id", "type": "int"}]`. */
export interface Heading {
  readonly path: string;
  readonly names: readonly string[];
}

const DEEPEST = 5;

/** All lists of a body that could be a heading. */
export function headingsIn(body: unknown): Heading[] {
  const found: Heading[] = [];
  const walk = (value: unknown, path: string, depth: number): void => {
    if (depth > DEEPEST) return;
    if (Array.isArray(value)) {
      const names = value.map(nameIn).filter((name) => name !== undefined);
      if (value.length > 1 && new Set(names).size === value.length) found.push({ path, names });
    } else if (isMapping(value)) {
      for (const [name, inner] of Object.entries(value))
        walk(inner, `${path}${pathToName(name).text.slice(1)}`, depth + 1);
    }
  };
  walk(body, '$', 0);
  return found;
}

/** As `header` of the settings reads it. */
function nameIn(column: unknown): string | undefined {
  const name = isMapping(column) ? (column.name ?? column.id ?? column.field ?? column.label) : column;
  return typeof name === 'string' && name !== '' && name.length < 100 ? name : undefined;
}

/** A list of rows of cells, whose names are the first row, stand elsewhere in the body, or are made up. */
export function rowsAt(list: readonly unknown[], items: string, headings: readonly Heading[]): Unrated | undefined {
  const [first, second] = list;
  if (!list.every(Array.isArray) || !Array.isArray(first) || !Array.isArray(second) || first.length < 2)
    return undefined;
  const width = first.length;
  const isPlain = (cell: unknown) => typeof cell !== 'object' || cell === null;
  if (second.length !== width || !first.some(isPlain) || !second.some(isPlain)) return undefined;
  const heading = headings.find(({ path, names }) => names.length === width && path !== `${items}[0]`);
  if (heading !== undefined) {
    const found = `${list.length} rows, whose columns are named at ${heading.path}`;
    return { items, as: 'rows', more: { header: heading.path }, count: list.length, found };
  }
  if (!second.every(isPlain)) return undefined;
  if (first.every((cell) => typeof cell === 'string') && new Set(first).size === width && !isData(first, second)) {
    const found = `${list.length} rows, whose first names the columns`;
    return { items, as: 'rows', more: {}, count: list.length - 1, found };
  }
  const header = madeUp(list as readonly (readonly unknown[])[], items);
  const found = `${list.length} rows of ${width} cells, whose names are nowhere in the answer: ${header.join(', ')} are made up`;
  return { items, as: 'rows', more: { header }, count: list.length, found, isGuessed: true };
}

/** A first row that holds a number or a day as the second does is no heading. */
const isData = (first: readonly unknown[], second: readonly unknown[]): boolean =>
  first.some((cell, index) => /^-?\d/.test(String(cell)) && /^-?\d/.test(String(second[index])));

/** Names for the cells: the time, and the value of a pair, are known by what they hold. */
function madeUp(rows: readonly (readonly unknown[])[], items: string): string[] {
  const width = rows[0]?.length ?? 0;
  const leaf = /([^.'[\]]+)'?\]?$/.exec(items)?.[1] ?? '';
  const value =
    /^[a-z_]{3,}$/.test(leaf) && !/^(data|result|rows?|values?|items)$/.test(leaf) ? singular(leaf) : 'value';
  let hasTime = false;
  return Array.from({ length: width }, (_, index) => {
    const cells = rows.map((row) => row[index]).filter((cell) => typeof cell === 'number' || typeof cell === 'string');
    const isTime = !hasTime && cells.length > 0 && /^date/.test(typeOf('time', cells, false).type);
    hasTime ||= isTime;
    if (isTime) return 'time';
    return width === 2 && hasTime ? value : `column_${index + 1}`;
  });
}
