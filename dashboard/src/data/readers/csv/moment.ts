import type { View } from '../port.js';
import type { TimeOrder } from './time-order.js';

/** Rows that a search found: 1 for those that match. Rows of a moment are decided, whatever is added behind them. */
export interface Matches {
  at(row: number): number;
}

/**
 * The rows of an index as of one moment. A search takes time, and rows come meanwhile: they are in no answer of this moment, and a
 * row whose key they replace stays in it. Without that, an answer held rows that no search had seen, and lacked the keys that had
 * changed.
 */
export class Moment {
  /** Rows that were there: those with lower numbers. */
  readonly count: number;
  /** Keys whose latest row was no tombstone. */
  readonly keys: number;
  /** 1 for a row that was its key's latest and no tombstone. */
  readonly #live: ArrayLike<number>;
  readonly #byTime: TimeOrder;

  /** @param live a copy, one number for each row */
  constructor(live: ArrayLike<number>, keys: number, byTime: TimeOrder) {
    this.count = live.length;
    this.keys = keys;
    this.#live = live;
    this.#byTime = byTime;
  }

  /** One page of a view, the newest first. */
  page(view: View, matches: Matches | undefined, offset: number, limit: number) {
    const rows: number[] = [];
    // Without a search the total is known, and counting can end with the page.
    const total = matches !== undefined ? undefined : view === 'history' ? this.count : this.keys;
    let seen = 0;
    for (const row of this.#newest(view, matches)) {
      if (seen++ >= offset && rows.length < limit) rows.push(row);
      if (total !== undefined && rows.length === limit) break;
    }
    return { rows, total: total ?? seen };
  }

  /** The rows of a view, the newest first. */
  newestFirst(view: View, matches: Matches | undefined): Uint32Array {
    const rows = new Uint32Array(this.count);
    let found = 0;
    for (const row of this.#newest(view, matches)) rows[found++] = row;
    return rows.subarray(0, found);
  }

  /** The rows of a view, in the order in which they were added. */
  *select(view: View, matches: Matches | undefined): Generator<number> {
    for (let row = 0; row < this.count; row++) if (this.#isOf(view, matches, row)) yield row;
  }

  *#newest(view: View, matches: Matches | undefined): Generator<number> {
    for (let back = 0; ; back++) {
      const row = this.#byTime.newest(back);
      if (row === undefined) return;
      if (row < this.count && this.#isOf(view, matches, row)) yield row;
    }
  }

  #isOf(view: View, matches: Matches | undefined, row: number): boolean {
    return (view === 'history' || this.#live[row] === 1) && matches?.at(row) !== 0;
  }
}
