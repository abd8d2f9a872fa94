import { comparable } from '../compare.js';
import type { Sort } from '../port.js';
import { type IndexedParts, readRows } from './read-rows.js';
import type { CellReader } from './values.js';

/** Texts that agree in so many characters count as the same. */
const COMPARED = 200;
/** Orders that are kept: each some megabytes. */
const KEPT = 4;

interface Ranked {
  readonly row: number;
  /** Undefined for nothing, which comes last either way. */
  readonly value: string | number | undefined;
}

/** What is to be ordered. */
export interface Selected {
  /** The newest first. */
  readonly rows: Uint32Array;
  /** Rows with this number or a higher one were not asked whether they belong to the selection. */
  readonly upTo: number;
}

/**
 * The first rows of a table by a column whose values are not in memory. Its parts are read once, and only rows that may still
 * be among the first are kept; rows that are written later are read at the next call. A row that leaves the selection (it
 * is no longer its key's latest) leaves the order, and if that makes it too short, all is read anew.
 */
export class TextOrder {
  readonly #sort: Sort;
  readonly #reader: CellReader;
  readonly #reach: number;
  #next = 0;
  #first: Ranked[] = [];
  /** Set once rows were left out: a row behind this value is not among the first, since rows that were left out may precede it. */
  #bound: { readonly value: Ranked['value'] } | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param reach rows that are kept at most */
  constructor(sort: Sort, reader: CellReader, reach: number) {
    this.#sort = sort;
    this.#reader = reader;
    this.#reach = reach;
  }

  /**
   * @param end how many of the first are asked for
   * @returns undefined if it does not reach that far
   */
  find(contents: IndexedParts, selected: Selected, end: number, signal: AbortSignal): Promise<number[] | undefined> {
    // One after the other: they share what they find, and two at once would both read everything.
    const found = this.#turn.then(() => this.#find(contents, selected, end, signal));
    this.#turn = found.catch(() => {});
    return found;
  }

  async #find(contents: IndexedParts, { rows, upTo }: Selected, end: number, signal: AbortSignal) {
    if (end > this.#reach && rows.length > this.#reach) return undefined;
    // Another call has read on to a later moment, and what it left out then may be among the first of this one.
    if (upTo < this.#next) this.#forget();
    // Places from 1 on; 0 for a row that is not selected.
    const places = new Uint32Array(upTo);
    for (const [place, row] of rows.entries()) places[row] = place + 1;
    for (;;) {
      const begun = this.#next === 0;
      await this.#extend(contents, places, signal);
      this.#settle(places);
      const enough = this.#first.length >= Math.min(end, rows.length);
      if (enough || begun) return this.#first.map(({ row }) => row);
      this.#forget();
    }
  }

  async #extend(contents: IndexedParts, places: Uint32Array, signal: AbortSignal): Promise<void> {
    const { column, read } = this.#reader;
    for await (const { header, rows, lines } of readRows(contents, placed(places, this.#next), signal)) {
      const place = header.columns.indexOf(column.name);
      for (const [index, line] of lines.entries()) {
        const value = comparable(read(header.cells(line)[place] ?? '').value, column.type) as Ranked['value'];
        this.#first.push({ row: rows[index] ?? 0, value: ownCopy(value) });
      }
      this.#next = (rows.at(-1) ?? 0) + 1;
      if (this.#first.length >= 2 * this.#reach) this.#settle(places);
    }
    this.#next = Math.max(this.#next, places.length);
  }

  /** Puts them in order, and forgets those that are not among the first. */
  #settle(places: Uint32Array): void {
    const placeOf = ({ row }: Ranked) => places[row] ?? 0;
    const shown = this.#first.filter((one) => placeOf(one) > 0);
    const bound = this.#bound;
    const near = bound === undefined ? shown : shown.filter(({ value }) => this.#compare(value, bound.value) <= 0);
    near.sort((a, b) => this.#compare(a.value, b.value) || placeOf(a) - placeOf(b));
    const last = near[this.#reach - 1];
    if (near.length > this.#reach && last !== undefined) this.#bound = { value: last.value };
    this.#first = near.slice(0, this.#reach);
  }

  #compare(a: Ranked['value'], b: Ranked['value']): number {
    if (a === b) return 0;
    if (a === undefined) return 1;
    if (b === undefined) return -1;
    return a < b === this.#sort.descending ? 1 : -1;
  }

  #forget(): void {
    this.#next = 0;
    this.#first = [];
    this.#bound = undefined;
  }
}

/** The orders that were asked for last. */
export class TextOrders {
  readonly #orders = new Map<string, TextOrder>();

  get(name: string, make: () => TextOrder): TextOrder {
    const order = this.#orders.get(name) ?? make();
    // The last used moves to the end, so the first is the one to forget.
    this.#orders.delete(name);
    this.#orders.set(name, order);
    const [oldest] = this.#orders.keys();
    if (this.#orders.size > KEPT && oldest !== undefined) this.#orders.delete(oldest);
    return order;
  }
}

function* placed(places: Uint32Array, from: number): Generator<number> {
  for (let row = from; row < places.length; row++) if (places[row] !== 0) yield row;
}

/** A cell is a slice of its line, and would keep it. */
const ownCopy = <T>(value: T): T | string =>
  typeof value === 'string' ? Buffer.from(value.slice(0, COMPARED)).toString() : value;
