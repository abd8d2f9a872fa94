import type { Clock, Dataset } from '@tributary/shared';
import type { Database, Queries } from './database.js';
import { type PartFile, type PartState, unreadPart } from './part-file.js';
import { Table } from './table.js';
import { viewsSql } from './views.js';

/** Columns of a dataset that the configuration does not name, Tributary's own among them. */
const MOST_STRANGE = 1_000;

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
  /** Resolves when the table is there. */
  #making: Promise<void> | undefined;
  #numbers = { generation: 1, nextPart: 0, nextPiece: 0 };
  #counted: Counted = NOTHING;
  #isLost = false;
  readonly #datasets: readonly string[];
  readonly #clock: Clock;

  /** @param datasets the names of all */
  constructor(dataset: Dataset, datasets: readonly string[], clock: Clock) {
    const number = datasets.indexOf(dataset.name);
    this.dataset = dataset;
    this.#datasets = datasets;
    this.#clock = clock;
    this.table = new Table(`rows_${number}`, dataset);
  }

  get counted(): Counted {
    return this.#counted;
  }

  get revision(): string {
    return `${this.#numbers.generation}.${this.#counted.rows}`;
  }

  /** A number that no other piece of rows has. */
  nextPiece(): number {
    return this.#numbers.nextPiece++;
  }

  /** Takes in a part of which nothing was read. */
  addPart(state: PartState): void {
    this.parts.push(unreadPart(state, this.#numbers.nextPart++));
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

  /** Makes the table, or takes that of an earlier process, unless it is there. */
  make(database: Database): Promise<void> {
    this.#making ??= this.#make(database).catch((error: unknown) => {
      this.#making = undefined;
      throw error;
    });
    return this.#making;
  }

  /** Takes nothing for known of the table any more: all is read anew. */
  lose(): void {
    this.parts = [];
    this.caughtUp = false;
    this.#counted = NOTHING;
    this.#numbers.generation++;
    this.#isLost = true;
    this.#making = undefined;
  }

  async #make(database: Database): Promise<void> {
    const all = this.#isLost ? {} : (JSON.parse((await database.kept()) ?? '{}') as Record<string, KeptContents>);
    const kept = all[this.dataset.name];
    const found = kept && (await database.snapshot((moment) => this.count(moment)).catch(() => undefined));
    // A process may have been killed between rows and what is noted of them.
    if (found !== undefined && found.rows === kept?.parts.reduce((sum, { rows }) => sum + rows, 0)) {
      for (const name of kept.columns) if (!this.table.has(name)) this.table.add(this.table.another(name));
      this.parts = kept.parts.map((part) => ({ ...part, ending: Buffer.from(part.ending, 'base64') }));
      this.#numbers = { ...kept.numbers };
      this.#counted = found;
      return;
    }
    await database.write(async ({ query }) => {
      for (const statement of [this.table.createSql(), ...viewsSql(this.table, this.#datasets)]) await query(statement);
    });
  }

  /** What another process needs to go on with the table. */
  get state(): KeptContents {
    const { table, parts } = this;
    return {
      columns: table.columns.map(({ name }) => name),
      numbers: this.#numbers,
      // Parts of which nothing was read are found anew. Where a part lies is looked up too.
      parts: parts
        .filter(({ rows }) => rows > 0)
        .map((part) => ({ ...part, path: '', read: 0, unreadable: undefined, ending: part.ending.toString('base64') })),
    };
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
      await database.write(
        async ({ query }) => {
          for (const statement of this.table.alterSql(column)) await query(statement);
        },
        () => this.table.add(column),
      );
    }
  }

  /** Forgets a part and its rows. What they had overtaken is the newest of its key again. */
  async forget(part: PartFile, database: Database): Promise<void> {
    this.caughtUp = false;
    const leave = () => {
      this.parts = this.parts.filter((one) => one !== part);
    };
    if (part.rows === 0) return leave();
    await database.write(
      async (writes) => {
        for (const statement of this.table.forgetSql(part.number)) await writes.query(statement);
        return await this.count(writes);
      },
      (counted) => {
        leave();
        this.#numbers.generation++;
        this.note(counted);
      },
    );
  }

  async count({ query }: Queries): Promise<Counted> {
    const { name } = this.table;
    const [found] = await query<{ rows: bigint; keys: bigint; last: bigint | null }>(
      `SELECT count(*) AS rows, count(*) FILTER (is_head AND NOT is_deleted) AS keys, max(epoch_ms(written)) AS last FROM ${name}`,
    );
    const minutes = await query<{ minute: bigint; rows: bigint }>(
      `SELECT epoch_ms(written) // ${MINUTE} AS minute, count(*) AS rows FROM ${name}
        WHERE written > epoch_ms(${this.#clock.now() - MINUTES * MINUTE}) GROUP BY 1 ORDER BY 1 DESC LIMIT ${MINUTES}`,
    );
    const last = found?.last ?? undefined;
    return {
      rows: Number(found?.rows ?? 0),
      keys: Number(found?.keys ?? 0),
      last: last === undefined ? undefined : Number(last),
      minutes: minutes.map(({ minute, rows }) => [Number(minute), Number(rows)] as const),
    };
  }

  /** Notes what is in the table now. */
  note(counted: Counted): void {
    this.#counted = counted;
  }

  /** Rows written in each of the last `minutes`, this minute last. A clock that runs ahead counts as now. */
  activity(now: number, minutes: number): number[] {
    const buckets = new Array<number>(minutes).fill(0);
    for (const [minute, rows] of this.#counted.minutes) {
      const bucket = minutes - 1 - Math.max(0, Math.floor(now / MINUTE) - minute);
      if (bucket >= 0) buckets[bucket] = (buckets[bucket] ?? 0) + rows;
    }
    return buckets;
  }
}

const MINUTE = 60_000;
/** Minutes that are known of; more than are shown, for a clock that was set back. */
const MINUTES = 1_000;

/** The numbers of a dataset. */
interface Counted {
  readonly rows: number;
  /** Keys whose newest row is not a tombstone. */
  readonly keys: number;
  /** When the last row was written, in milliseconds since 1970. */
  readonly last: number | undefined;
  /** How many rows were written in each of the last minutes, counted since 1970. */
  readonly minutes: readonly (readonly [minute: number, rows: number])[];
}

const NOTHING: Counted = { rows: 0, keys: 0, last: undefined, minutes: [] };

/** What one process notes for the next; JSON. */
interface KeptContents {
  readonly columns: readonly string[];
  /** `generation`: one more each time that rows are forgotten. */
  readonly numbers: { readonly generation: number; readonly nextPart: number; readonly nextPiece: number };
  readonly parts: readonly (Omit<PartFile, 'ending'> & { readonly ending: string })[];
}
