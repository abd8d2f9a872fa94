import type { Dataset } from '@tributary/shared';
import type { Database, Queries } from './database.js';
import { Minutes } from './minutes.js';
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
  #known: Known = { generation: 1, nextPart: 0, nextPiece: 0, rows: 0, keys: 0, last: null };
  readonly #minutes = new Minutes();

  readonly #datasets: readonly string[];

  /** @param datasets the names of all */
  constructor(dataset: Dataset, datasets: readonly string[]) {
    const number = datasets.indexOf(dataset.name);
    this.dataset = dataset;
    this.#datasets = datasets;
    this.table = new Table(`rows_${number}`, dataset);
  }

  get rows(): number {
    return this.#known.rows;
  }

  /** Keys whose newest row is not a tombstone. */
  get keys(): number {
    return this.#known.keys;
  }

  /** Milliseconds since 1970. */
  get lastWrittenAt(): number | undefined {
    return this.#known.last ?? undefined;
  }

  get revision(): string {
    return `${this.#known.generation}.${this.rows}`;
  }

  /** A number that no other piece of rows has. */
  nextPiece(): number {
    return this.#known.nextPiece++;
  }

  /** Takes in a part of which nothing was read. */
  addPart(state: PartState): void {
    this.parts.push(unreadPart(state, this.#known.nextPart++));
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

  async #make(database: Database): Promise<void> {
    const kept = (JSON.parse((await database.kept()) ?? '{}') as Record<string, KeptContents>)[this.dataset.name];
    if (kept !== undefined && (await this.#isWhole(kept, database))) {
      for (const name of kept.columns) if (!this.table.has(name)) this.table.add(this.table.another(name));
      this.parts = kept.parts.map((part) => ({ ...part, ending: Buffer.from(part.ending, 'base64') }));
      this.#known = { ...kept.known };
      this.#minutes.add(kept.minutes);
      return;
    }
    await database.write(async ({ query }) => {
      for (const statement of [this.table.createSql(), ...viewsSql(this.table, this.#datasets)]) await query(statement);
    });
  }

  /** A process may have been killed between rows and what is noted of them. */
  async #isWhole({ about, known, parts }: KeptContents, database: Database): Promise<boolean> {
    if (about !== this.#about) return false;
    try {
      const found = await database.snapshot(({ query }) =>
        query<{ part: number; rows: bigint; piece: number }>(
          `SELECT part, count(*) AS rows, max(piece) AS piece FROM ${this.table.name} GROUP BY part`,
        ),
      );
      const rows = new Map(found.map((one) => [Number(one.part), Number(one.rows)]));
      const isNoted = found.every(
        ({ part, piece }) => piece < known.nextPiece && parts.some(({ number }) => number === part),
      );
      return isNoted && parts.every((part) => (rows.get(part.number) ?? 0) === part.rows);
    } catch {
      return false;
    }
  }

  /** What the rows are by the configuration. */
  get #about(): string {
    return JSON.stringify([this.table.name, this.dataset]);
  }

  /** What another process needs to go on with the table. */
  get state(): KeptContents {
    const { table, parts } = this;
    return {
      about: this.#about,
      columns: table.columns.map(({ name }) => name),
      known: this.#known,
      minutes: this.#minutes.all,
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
        this.#minutes.clear();
        this.#known.generation++;
        this.#known.last = null;
        this.noteRows(-part.rows, counted);
      },
    );
  }

  /** The numbers with the rows of a piece, or with all rows. */
  async count({ query }: Queries, piece?: number): Promise<Counted> {
    const { name } = this.table;
    const added = piece === undefined ? 'true' : `piece = ${piece}`;
    const [counted] = await query<{ keys: bigint; last: bigint | null }>(
      `SELECT (SELECT count(*) FROM ${name} WHERE is_head AND NOT is_deleted) AS keys,
              (SELECT max(epoch_ms(written)) FROM ${name} WHERE ${added}) AS last`,
    );
    const minutes = await this.#minutes.count({ query }, name, added);
    const last = counted?.last ?? null;
    return { keys: Number(counted?.keys ?? 0), last: last === null ? null : Number(last), minutes };
  }

  /** Notes rows that are in the table. */
  noteRows(added: number, { keys, last, minutes }: Counted): void {
    const known = this.#known;
    const latest = last === null ? known.last : Math.max(last, known.last ?? last);
    this.#known = { ...known, rows: known.rows + added, keys, last: latest };
    this.#minutes.add(minutes);
  }

  /** Rows written in each of the last `minutes`, this minute last. A clock that runs ahead counts as now. */
  activity(now: number, minutes: number): number[] {
    return this.#minutes.activity(now, minutes);
  }
}

interface Known {
  /** One more each time that rows are forgotten. */
  generation: number;
  nextPart: number;
  nextPiece: number;
  rows: number;
  keys: number;
  last: number | null;
}

/** How the numbers of a dataset are after rows were added. */
interface Counted extends Pick<Known, 'keys' | 'last'> {
  /** When the last of the rows that were added was written. */
  readonly minutes: readonly (readonly [minute: number, rows: number])[];
}

/** What one process notes for the next; JSON. */
interface KeptContents {
  readonly about: string;
  readonly columns: readonly string[];
  readonly known: Known;
  readonly minutes: Counted['minutes'];
  readonly parts: readonly (Omit<PartFile, 'ending'> & { readonly ending: string })[];
}
