import { comparable } from '../compare.js';
import { QueryError, type RowQuery, type Sort } from '../port.js';
import type { Contents } from './contents.js';
import { readCells } from './page.js';
import { type Selected, TextOrder } from './text-order.js';
import type { CellReader } from './values.js';

/** Texts of so many rows at most are read to be sorted as a whole; numbers and columns with few values have no limit. */
const MOST_TEXTS = 200_000;
/** What rows are sorted by, smaller first; Infinity for nothing, which always comes last. */
type KeyOf = (row: number) => number;

/**
 * One page of rows in the order of a column; rows of one value stay in the order they are given in.
 * @param mostTexts rows up to which all texts of a column are sorted; of more, only the first can be reached (see TextOrder),
 *   a tenth of that
 * @throws QueryError for a page beyond those
 */
export async function sortedPage(
  contents: Contents,
  selected: Selected,
  query: RowQuery & { readonly sort: Sort },
  readers: readonly CellReader[],
  { mostTexts = MOST_TEXTS, signal }: { readonly mostTexts?: number | undefined; readonly signal: AbortSignal },
): Promise<{ rows: number[]; total: number }> {
  const { sort, offset, limit } = query;
  const { rows } = selected;
  const reader = readers.find(({ column }) => column.name === sort.column);
  if (reader !== undefined && !isInMemory(contents, sort.column) && rows.length > mostTexts) {
    const reach = mostTexts / 10;
    const order = contents.textOrders.get(nameOf(query), () => new TextOrder(sort, reader, reach));
    const first = await order.find(contents, selected, offset + limit, signal);
    if (first === undefined) throw new QueryError(tooFar(sort, reach, rows.length));
    return { rows: first.slice(offset, offset + limit), total: rows.length };
  }
  const keyOf = await keysFor(contents, rows, sort, readers, signal);
  const sign = sort.descending ? -1 : 1;
  const keys = new Float64Array(rows.length);
  for (let place = 0; place < rows.length; place++) {
    const key = keyOf(rows[place] ?? 0);
    keys[place] = key === Number.POSITIVE_INFINITY ? key : sign * key;
  }
  const places = smallest(keys, Math.min(keys.length, offset + limit));
  return { rows: places.slice(offset, offset + limit).map((place) => rows[place] ?? 0), total: rows.length };
}

/** The places of the smallest keys, in order. Only as many are sorted as are asked for: a page is a small part of all rows. */
function smallest(keys: Float64Array, count: number): number[] {
  if (count === 0) return [];
  const threshold = thresholdFor(keys, count);
  const below: number[] = [];
  const equal: number[] = [];
  for (let place = 0; place < keys.length; place++) {
    const key = keys[place] ?? 0;
    if (key < threshold) below.push(place);
    else if (key === threshold && equal.length < count) equal.push(place);
  }
  below.sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0) || a - b);
  return [...below, ...equal].slice(0, count);
}

/** Keys that are looked at to guess the last key of a page. */
const SAMPLE = 8_192;

/** A key that at least `count` keys do not exceed, and hardly more. */
function thresholdFor(keys: Float64Array, count: number): number {
  const step = Math.floor(keys.length / SAMPLE);
  if (step >= 2) {
    const sample = new Float64Array(SAMPLE);
    for (let index = 0; index < SAMPLE; index++) sample[index] = keys[index * step] ?? 0;
    sample.sort();
    // Three deviations beyond the expected end of the page: once in a thousand times the guess is too small, which is noticed.
    const expected = (count / keys.length) * SAMPLE;
    const guess = sample[Math.min(SAMPLE - 1, Math.ceil(expected + 3 * Math.sqrt(expected) + 3))] ?? 0;
    const candidates = keys.filter((key) => key <= guess);
    if (candidates.length >= count) return candidates.sort()[count - 1] ?? 0;
  }
  return keys.slice().sort()[count - 1] ?? 0;
}

const WRITTEN_AT = '_written_at';

const isInMemory = ({ values }: Contents, name: string): boolean =>
  name === WRITTEN_AT || values.get(name) !== undefined || values.numbers(name) !== undefined;

const nameOf = ({ sort, view, search, where }: RowQuery): string => JSON.stringify([sort, view, search, where]);

const tooFar = ({ column }: Sort, reach: number, rows: number): string =>
  `by ${column}, which has many different texts, the first ${reach.toLocaleString('en')} of ${rows.toLocaleString('en')} rows of CSV can be paged through: filter, or sort the other way round for the last of them`;

async function keysFor(
  contents: Contents,
  rows: Uint32Array,
  { column: name }: Sort,
  readers: readonly CellReader[],
  signal: AbortSignal,
): Promise<KeyOf> {
  const reader = readers.find((one) => one.column.name === name);
  if (reader === undefined) return () => 0;
  if (name === WRITTEN_AT) return (row) => contents.index.writtenAt(row);
  const { type } = reader.column;
  const column = contents.values.get(name);
  if (column !== undefined) {
    const values = column.cells.map((cell) => comparable(reader.read(cell).value, type));
    const ranks = ranksOf(values);
    return (row) => ranks[column.code(row)] ?? Number.POSITIVE_INFINITY;
  }
  const numbers = contents.values.numbers(name);
  if (numbers !== undefined) {
    return (row) => {
      const value = numbers.at(row);
      return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;
    };
  }
  const ascending = rows.slice().sort();
  const texts: unknown[] = [];
  for await (const [cell = ''] of readCells(contents, [name], ascending, signal)) {
    texts.push(comparable(reader.read(cell).value, type));
  }
  const ranks = ranksOf(texts);
  const byRow = new Map([...ascending.entries()].map(([place, row]) => [row, ranks[place] ?? 0]));
  return (row) => byRow.get(row) ?? Number.POSITIVE_INFINITY;
}

/** The rank of each value among all; Infinity for nothing. */
function ranksOf(values: readonly unknown[]): number[] {
  const there = values.filter((value) => value !== undefined) as (string | number)[];
  const distinct = [...new Set(there)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const ranks = new Map<unknown, number>(distinct.map((value, rank) => [value, rank]));
  return values.map((value) => ranks.get(value) ?? Number.POSITIVE_INFINITY);
}
