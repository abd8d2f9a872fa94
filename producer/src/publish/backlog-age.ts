/** So many moments are remembered of a backlog that never empties; beyond that every second one is forgotten. */
const MOST = 1_000;

/** How many records had been confirmed when. */
interface Moment {
  readonly at: number;
  readonly confirmed: number;
}

/**
 * Tells how long the oldest record of a queue has waited. Records are settled in the order in which they were confirmed, but for a few; so
 * the oldest of a backlog of n is the one that was confirmed when all but n of those of today had been. All that is kept is how many had been
 * confirmed at each look.
 */
export class BacklogAge {
  /** By publication, how many of its records were confirmed at the last look. */
  #known: ReadonlyMap<string, number> = new Map();
  #confirmed = 0;
  #moments: Moment[] = [];

  /**
   * @param now milliseconds of a clock that is never set
   * @param confirmed by publication that is not forgotten yet, how many of its records RabbitMQ has confirmed
   * @param backlog how many of all are not settled
   */
  look(now: number, confirmed: ReadonlyMap<string, number>, backlog: number): void {
    for (const [token, count] of confirmed) this.#confirmed += Math.max(0, count - (this.#known.get(token) ?? 0));
    this.#known = confirmed;
    const settled = this.#confirmed - backlog;
    const waiting = this.#moments.findIndex((moment) => moment.confirmed > settled);
    this.#moments.splice(0, waiting === -1 ? this.#moments.length : waiting);
    if (backlog > 0 && this.#confirmed > (this.#moments.at(-1)?.confirmed ?? settled)) {
      this.#moments.push({ at: now, confirmed: this.#confirmed });
    }
    if (this.#moments.length > MOST) this.#moments = this.#moments.filter((_, index) => index % 2 === 0);
  }

  /** Milliseconds for which the oldest record has waited; 0 if none waits. Between two looks it counts on. */
  at(now: number): number {
    const [oldest] = this.#moments;
    return oldest === undefined ? 0 : now - oldest.at;
  }
}
