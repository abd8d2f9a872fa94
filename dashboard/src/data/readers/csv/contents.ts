import type { Dataset } from '@tributary/shared';
import type { Database, Queries } from './database.js';
import { STORE } from './open.js';
import { type PartFile, type PartState, unreadPart } from './part-file.js';
import { Table } from './table.js';

/** Columns of a dataset that the configuration does not name, Tributary's own among them. */
const MOST_STRANGE = 1_000;

const MINUTE = 60_000;
/** Minutes of activity that are kept; more than are shown, for a clock that was set back. */
const MINUTES_KEPT = 1_000;

/**
 * All that was read of a dataset's files: its rows in a table, and how far each part was read. It only grows, unless a part is replaced
 * or goes away: then the rows of that one are forgotten.
 */
export class Contents {
  readonly table: Table;
  parts: PartFile[] = [];
  /** Whether every part has been read to its end once. */
  caughtUp = false;
  readonly dataset: Dataset;
  /** One more each time that rows are forgotten. */
  #generation = 1;
  #nextPart = 0;
  #nextPiece = 0;
  /** Resolves when the table is there. */
  #making: Promise<void> | undefined;
  #rows = 0;
  #keys = 0;
  #last: number | undefined;
  /** Rows that were written in a minute, counted since 1970. */
  #minutes = new Map<number, number>();

  /** @param number of the dataset among all */
  constructor(dataset: Dataset, number: number) {
    this.dataset = dataset;
    this.table = new Table(`${STORE}.rows_${number}`, dataset);
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
    return `${this.#generation}.${this.#rows}`;
  }

  /** A number that no other piece of rows has. */
  nextPiece(): number {
    return this.#nextPiece++;
  }

  /** Takes in a part of which nothing was read. */
  addPart(state: PartState): void {
    this.parts.push(unreadPart(state, this.#nextPart++));
  }

  /** Why parts cannot be read now, in words. */
  get unreadable(): string[] {
    return this.parts.flatMap(({ unreadable }) =>
      unreadable === undefined ? [] : `${unreadable}; its rows are left out until it can be`,
    );
  }

  get problems(): string[] {
    const problems = [...this.parts.flatMap((part) => part.problem ?? []), ...this.unreadable];
    const torn = this.parts.filter(({ lost }) => lost.count > 0);
    const count = torn.reduce((sum, { lost }) => sum + lost.count, 0);
    const [first] = torn;
    if (first === undefined) return problems;
    const lines = count === 1 ? '1 line is' : `${count} lines are`;
    return [...problems, `${lines} left out: ${first.name}, ${first.lost.first}`];
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

  /** Whether it can have these columns too: thousands take minutes to add, and each look at a row asks for all of them. */
  takes(names: readonly string[]): boolean {
    const more = new Set(names.filter((name) => !this.table.has(name)));
    const own = Object.keys(this.dataset.columns).length;
    return more.size === 0 || this.table.columns.length + more.size <= own + MOST_STRANGE;
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

  /** Forgets a part and its rows. What they had overtaken is the newest of its key again. */
  async forget(part: PartFile, database: Database): Promise<void> {
    this.caughtUp = false;
    if (part.rows > 0) {
      const counted = await database.write(async (writes) => {
        for (const statement of this.table.forgetSql(part.number)) await writes.query(statement);
        return await this.count(writes);
      });
      this.#rows -= part.rows;
      this.#generation++;
      this.#last = undefined;
      this.#minutes.clear();
      this.#note(counted);
    }
    this.parts = this.parts.filter((one) => one !== part);
  }

  /** The numbers with the rows of a piece, or with all rows. */
  async count({ query }: Queries, piece?: number): Promise<Counted> {
    const { name } = this.table;
    const added = piece === undefined ? 'true' : `piece = ${piece}`;
    const [counted] = await query<{ keys: bigint; last: bigint | null }>(
      `SELECT (SELECT count(*) FROM ${name} WHERE is_head AND NOT is_deleted) AS keys,
              (SELECT max(epoch_ms(written)) FROM ${name} WHERE ${added}) AS last`,
    );
    const minutes = await query<{ minute: bigint; rows: bigint }>(
      `SELECT epoch_ms(written) // ${MINUTE} AS minute, count(*) AS rows FROM ${name} WHERE ${added}
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
  noteRows(added: number, counted: Counted): void {
    this.#rows += added;
    this.#note(counted);
  }

  #note({ keys, last, minutes }: Counted): void {
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
