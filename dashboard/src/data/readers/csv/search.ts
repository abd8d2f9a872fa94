import { comparable, meets } from '../compare.js';
import type { Comparison, Condition, Selection } from '../port.js';
import type { Matches, Moment } from './moment.js';
import { NumberColumn } from './number-column.js';
import type { PartHeader } from './part-file.js';
import { type IndexedParts, readRows } from './read-rows.js';
import type { CellReader } from './values.js';

/** Selections whose results are kept. A person who types, pages and watches repeats the same one again and again. */
const KEPT = 8;

/**
 * What searches and filters found, by row. A row never changes, so a result is kept, and extended by the rows that came
 * since. A filter on a column with few different values is answered from memory; all others read each row that passes those
 * filters once.
 */
export class Searches {
  readonly #found = new Map<string, NumberColumn>();

  /**
   * Decides each row of a moment.
   * @returns undefined if nothing is searched for
   */
  async find(
    contents: IndexedParts,
    { count }: Moment,
    { search, where }: Pick<Selection, 'search' | 'where'>,
    readers: readonly CellReader[],
    signal: AbortSignal,
  ): Promise<Matches | undefined> {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0 && where.length === 0) return undefined;
    const found = this.#recall(JSON.stringify([words, where]));
    const known = where.flatMap((condition) => inMemory(contents, condition, readers));
    const read = where.filter((condition) => !isInMemory(contents, condition));
    const passes = (row: number) => known.every((meetsIt) => meetsIt(row));
    while (found.length < count) {
      const first = found.length;
      if (words.length === 0 && read.length === 0) {
        for (let row = first; row < count; row++) found.push(Number(passes(row)));
        break;
      }
      let stale = false;
      for await (const { header, rows, lines } of readRows(contents, passing(first, count, passes), signal)) {
        const matches = matcher(header, words, read, readers);
        for (const [index, line] of lines.entries()) {
          const row = rows[index] ?? 0;
          // The same search runs for another caller too, and was quicker: go on from where it has come to.
          stale = row < found.length;
          if (stale) break;
          while (found.length < row) found.push(0);
          found.push(Number(matches(line)));
        }
        if (stale) break;
      }
      signal.throwIfAborted();
      while (!stale && found.length < count) found.push(0);
    }
    return found;
  }

  #recall(search: string): NumberColumn {
    const found = this.#found.get(search) ?? new NumberColumn((length) => new Uint8Array(length));
    // The last used moves to the end, so the first is the one to forget.
    this.#found.delete(search);
    this.#found.set(search, found);
    const [oldest] = this.#found.keys();
    if (this.#found.size > KEPT && oldest !== undefined) this.#found.delete(oldest);
    return found;
  }
}

/** Whether a number contains a text is seen in its cell, which is not in memory. */
const isInMemory = ({ values }: IndexedParts, { column, is }: Condition): boolean =>
  values.get(column) !== undefined || (is !== 'contains' && values.numbers(column) !== undefined);

/** A condition on a column that is in memory, as a question about a row. */
function inMemory(
  contents: IndexedParts,
  condition: Condition,
  readers: readonly CellReader[],
): ((row: number) => boolean)[] {
  const numbers = contents.values.numbers(condition.column);
  const reader = readers.find((one) => one.column.name === condition.column);
  if (numbers !== undefined && reader !== undefined && condition.is !== 'contains') {
    const wanted = comparable(condition.value, reader.column.type);
    const meetsIt = numberTest(condition.is, typeof wanted === 'number' ? wanted : Number.NaN);
    return [(row) => meetsIt(numbers.at(row))];
  }
  const column = contents.values.get(condition.column);
  if (column === undefined || reader === undefined) return [];
  const allowed = Uint8Array.from(column.cells, (cell) =>
    Number(meets(reader.read(cell).value, reader.column.type, condition)),
  );
  return [(row) => allowed[column.code(row)] === 1];
}

/** The same as `meets`, for numbers: NaN is nothing, and equal to nothing. */
function numberTest(is: Exclude<Comparison, 'contains'>, wanted: number): (value: number) => boolean {
  switch (is) {
    case 'empty':
      return (value) => Number.isNaN(value);
    case 'filled':
      return (value) => !Number.isNaN(value);
    case 'is':
      return (value) => value === wanted;
    case 'not':
      return (value) => value !== wanted;
    case 'above':
      return (value) => value > wanted;
    case 'below':
      return (value) => value < wanted;
    case 'from':
      return (value) => value >= wanted;
    case 'to':
      return (value) => value <= wanted;
  }
}

function matcher(
  header: PartHeader,
  words: readonly string[],
  where: readonly Condition[],
  readers: readonly CellReader[],
) {
  const conditions = where.map((condition) => ({
    condition,
    place: header.columns.indexOf(condition.column),
    reader: readers.find((one) => one.column.name === condition.column),
  }));
  return (line: string): boolean => {
    if (!lineMatches(line, header, words)) return false;
    if (conditions.length === 0) return true;
    const cells = header.cells(line);
    const closed = cells[header.deleted] === 'true';
    return conditions.every(({ condition, place, reader }) => {
      if (reader === undefined) return false;
      const cell = closed && !reader.column.system ? '' : (cells[place] ?? '');
      return meets(reader.read(cell).value, reader.column.type, condition);
    });
  };
}

function lineMatches(line: string, header: PartHeader, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = line.toLowerCase();
  // Most lines do not pass this check, and need not be split into cells. Behind a `;` a cell may have a quote that is not of its text.
  if (!words.every((word) => word.includes(';') || text.includes(word.replaceAll('"', '""')))) return false;
  const cells = header.cells(text);
  const searched = header.searched.map((index) => header.meant(cells[index] ?? '', index)).join('\n');
  return words.every((word) => searched.includes(word));
}

function* passing(from: number, to: number, passes: (row: number) => boolean): Generator<number> {
  for (let row = from; row < to; row++) if (passes(row)) yield row;
}
