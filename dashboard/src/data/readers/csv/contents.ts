import type { Dataset } from '@tributary/shared';
import type { Database, Queries } from './database.js';
import type { PartFile } from './part-file.js';
import type { Unreadable } from './staging.js';
import { Table } from './table.js';

const MINUTE = 60_000;
/** Minutes of activity that are kept; more than are shown, for a clock that was set back. */
const MINUTES_KEPT = 1_000;

/**
 * All that was read of a dataset's files: its rows in a table, and how far each part was read. It only grows. When a part is replaced, it is
 * thrown away and another one begins.
 */
export class Contents {
  readonly table: Table;
  readonly parts: PartFile[] = [];
  /** Whether every part has been read to its end once. */
  caughtUp = false;
  /** How many contents of this dataset there were, with this one. */
  readonly generation: number;
  readonly dataset: Dataset;
  /** Resolves when the table is there. */
  #making: Promise<void> | undefined;
  #rows = 0;
  #keys = 0;
  #last: number | undefined;
  /** Rows that were written in a minute, counted since 1970. */
  #minutes = new Map<number, number>();
  /** Lines that no row could be made of. */
  #unreadable = 0;
  #firstUnreadable = '';

  /** @param number of the dataset among all */
  constructor(dataset: Dataset, number: number, generation: number) {
    this.dataset = dataset;
    this.generation = generation;
    this.table = new Table(`rows_${number}_${generation}`, dataset);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Keys whose newest row is not a tombstone. */
  get keys(): number {
    return this.#keys;
  }

  /** Milliseconds since 1970. */
  get lastWrittenAt(): number | undefined {
    return this.#last;
  }

  get revision(): string {
    return `${this.generation}.${this.#rows}`;
  }

  /** Why parts cannot be read now, in words. */
  get unreadable(): string[] {
    return this.parts.flatMap(({ unreadable }) =>
      unreadable === undefined ? [] : `${unreadable}; its rows are left out until it can be`,
    );
  }

  get problems(): string[] {
    const problems = [...this.parts.flatMap((part) => part.problem ?? []), ...this.unreadable];
    if (this.#unreadable > 0) {
      const lines = this.#unreadable === 1 ? '1 line is' : `${this.#unreadable} lines are`;
      problems.push(`${lines} left out: ${this.#firstUnreadable}`);
    }
    return problems;
  }

  /** Makes the table unless it is there. */
  make(database: Database): Promise<void> {
    this.#making ??= database
      .write(async ({ query }) => void (await query(this.table.createSql())))
      .catch((error: unknown) => {
        this.#making = undefined;
        throw error;
      });
    return this.#making;
  }

  /** Adds the columns that the table does not have. */
  async addColumns(names: readonly string[], database: Database): Promise<void> {
    for (const name of names) {
      if (this.table.has(name)) continue;
      const column = this.table.another(name);
      await database.write(async ({ query }) => {
        for (const statement of this.table.alterSql(column)) await query(statement);
      });
      this.table.add(column);
    }
  }

  /** Takes the table away. Reads that have begun go on. */
  async drop(database: Database): Promise<void> {
    await this.#making?.catch(() => {});
    await database.write(({ query }) => query(`DROP TABLE IF EXISTS ${this.table.name}`));
  }

  noteUnreadable(part: PartFile, { count, first }: Unreadable): void {
    this.#unreadable += count;
    if (count > 0) this.#firstUnreadable ||= `${part.name}, ${first}`;
  }

  /** What the rows from `first` on change in the numbers. */
  async countFrom({ query }: Queries, first: number): Promise<Counted> {
    const { name } = this.table;
    const [counted] = await query<{ keys: bigint; last: bigint | null }>(
      `SELECT (SELECT count(*) FROM ${name} WHERE is_head AND NOT is_deleted) AS keys,
              (SELECT max(epoch_ms(written)) FROM ${name} WHERE n >= ${first}) AS last`,
    );
    const minutes = await query<{ minute: bigint; rows: bigint }>(
      `SELECT epoch_ms(written) // ${MINUTE} AS minute, count(*) AS rows FROM ${name} WHERE n >= ${first}
        GROUP BY 1 ORDER BY 1 DESC LIMIT ${MINUTES_KEPT}`,
    );
    const last = counted?.last ?? null;
    return {
      keys: Number(counted?.keys ?? 0),
      last: last === null ? undefined : Number(last),
      minutes: minutes.map(({ minute, rows }) => [Number(minute), Number(rows)]),
    };
  }

  /** Notes rows that are in the table. */
  noteRows(added: number, { keys, last, minutes }: Counted): void {
    this.#rows += added;
    this.#keys = keys;
    if (last !== undefined) this.#last = Math.max(last, this.#last ?? last);
    for (const [minute, rows] of minutes) this.#minutes.set(minute, (this.#minutes.get(minute) ?? 0) + rows);
    if (this.#minutes.size <= MINUTES_KEPT) return;
    this.#minutes = new Map([...this.#minutes].sort(([a], [b]) => b - a).slice(0, MINUTES_KEPT));
  }

  /** Rows written in each of the last `minutes`, this minute last. A clock that runs ahead counts as now. */
  activity(now: number, minutes: number): number[] {
    const buckets = new Array<number>(minutes).fill(0);
    const thisMinute = Math.floor(now / MINUTE);
    for (const [minute, rows] of this.#minutes) {
      const bucket = minutes - 1 - Math.max(0, thisMinute - minute);
      if (bucket >= 0) buckets[bucket] = (buckets[bucket] ?? 0) + rows;
    }
    return buckets;
  }
}

/** How the numbers of a dataset are after rows were added. */
interface Counted {
  readonly keys: number;
  /** When the last of the rows that were added was written. */
  readonly last: number | undefined;
  readonly minutes: readonly (readonly [minute: number, rows: number])[];
}
