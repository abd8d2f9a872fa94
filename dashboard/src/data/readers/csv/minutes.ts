import type { Queries } from './database.js';

const MINUTE = 60_000;
/** Minutes that are kept; more than are shown, for a clock that was set back. */
const KEPT = 1_000;

/** How many rows were written in each minute, counted since 1970. */
export class Minutes {
  #rows = new Map<number, number>();

  get all(): readonly (readonly [minute: number, rows: number])[] {
    return [...this.#rows];
  }

  clear(): void {
    this.#rows.clear();
  }

  add(minutes: readonly (readonly [minute: number, rows: number])[]): void {
    for (const [minute, rows] of minutes) this.#rows.set(minute, (this.#rows.get(minute) ?? 0) + rows);
    if (this.#rows.size > KEPT) this.#rows = new Map([...this.#rows].sort(([a], [b]) => b - a).slice(0, KEPT));
  }

  /** Counts rows of a table. */
  async count({ query }: Queries, table: string, where: string): Promise<(readonly [number, number])[]> {
    const found = await query<{ minute: bigint; rows: bigint }>(
      `SELECT epoch_ms(written) // ${MINUTE} AS minute, count(*) AS rows FROM ${table} WHERE ${where}
        GROUP BY 1 ORDER BY 1 DESC LIMIT ${KEPT}`,
    );
    return found.map(({ minute, rows }) => [Number(minute), Number(rows)] as const);
  }

  /** Rows written in each of the last `minutes`, this minute last. A clock that runs ahead counts as now. */
  activity(now: number, minutes: number): number[] {
    const buckets = new Array<number>(minutes).fill(0);
    const thisMinute = Math.floor(now / MINUTE);
    for (const [minute, rows] of this.#rows) {
      const bucket = minutes - 1 - Math.max(0, thisMinute - minute);
      if (bucket >= 0) buckets[bucket] = (buckets[bucket] ?? 0) + rows;
    }
    return buckets;
  }
}
