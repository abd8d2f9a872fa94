import type { NumberColumn } from './number-column.js';

/** Rows in the order in which they were written, whatever order the parts were read in. Brought up to date when asked. */
export class TimeOrder {
  readonly #times: NumberColumn;
  #order = new Uint32Array(1024);
  #sorted = 0;

  /** @param times milliseconds, by row */
  constructor(times: NumberColumn) {
    this.#times = times;
  }

  /** The row that was written last but `back`; undefined if there are fewer. */
  newest(back: number): number | undefined {
    if (this.#sorted < this.#times.length) this.#catchUp();
    return back < this.#sorted ? this.#order[this.#sorted - 1 - back] : undefined;
  }

  /**
   * Sorts the new rows and merges them in from the back: rows are nearly always newer than all before them, so nearly
   * always nothing moves.
   */
  #catchUp(): void {
    const count = this.#times.length;
    if (count > this.#order.length) {
      const larger = new Uint32Array(Math.max(count, this.#order.length * 2));
      larger.set(this.#order);
      this.#order = larger;
    }
    const order = this.#order;
    const added = new Uint32Array(count - this.#sorted);
    for (let index = 0; index < added.length; index++) added[index] = this.#sorted + index;
    added.sort((a, b) => this.#times.at(a) - this.#times.at(b) || a - b);
    let old = this.#sorted - 1;
    let fresh = added.length - 1;
    for (let target = count - 1; fresh >= 0; target--) {
      const oldRow = order[old] ?? 0;
      const freshRow = added[fresh] ?? 0;
      const oldIsLater = old >= 0 && this.#times.at(oldRow) > this.#times.at(freshRow);
      order[target] = oldIsLater ? oldRow : freshRow;
      if (oldIsLater) old--;
      else fresh--;
    }
    this.#sorted = count;
  }
}
