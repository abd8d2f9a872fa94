import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBDataChunk, JS } from '@duckdb/node-api';
import { describeError, RetryableError } from '@tributary/shared';
import { STATEMENT_TIMEOUT, TooSlowError } from '../query/too-slow.js';
import { Held } from './held.js';
import { copyRows, copyStored, type Keeping, type Opened, openDatabase, storeAll, useThreads } from './open.js';
import { Turns } from './turns.js';

/** What a statement's parameter may be: DuckDB's client would take a large whole number for an integer that it cannot hold. */
export type Value = string;
export type Found = Readonly<Record<string, JS>>;

/** Asks DuckDB. */
export interface Queries {
  query<Row = Found>(text: string, values?: readonly Value[]): Promise<Row[]>;
}

/** A transaction that writes. */
export interface Writes extends Queries {
  /** @returns how many rows were added or changed */
  change(text: string): Promise<number>;
  /** Makes the table {@link HANDED_OVER} with so many columns of text, `c0` and so on, and fills it. */
  handOver<T>(columns: number, fill: (take: TakeRows) => Promise<T>): Promise<T>;
}

export const HANDED_OVER = 'handed_over';

/** A file by which lines are handed over to DuckDB, and a transaction in which they are inserted. */
export interface Desk {
  readonly path: string;
  readonly connection: DuckDBConnection;
  /** @returns how many rows were added; nobody sees them before they are taken over by {@link Database.write} */
  insert(text: string): Promise<number>;
}
export type TakeRows = (rows: readonly (readonly string[])[]) => void;

/** Milliseconds between two interruptions: one that comes before its statement has begun ends nothing. */
const AGAIN = 50;
/**
 * Statements that run at once, beside one that loads. Each keeps one of the four threads of Node that also read files and look up
 * names: one thread has to be left.
 */
const AT_ONCE = 2;
/** Pieces that are inserted at the same time. Two threads within one statement wait for each other, and take twice the CPU. */
const DESKS = 2;
/** Rows that are not stored yet: of many at once, most are in the file already, and only the index of the file is written again. */
const MOST_UNSTORED = 1_000_000;
const SOME_UNSTORED = 100_000;

/**
 * A DuckDB of this process alone, in a folder of its own. It holds nothing that the parts do not hold: the folder is removed in the end, or
 * left to the next process. It reaches no other file, no network and no setting but the number of its threads, whatever a
 * statement says.
 */
export class Database {
  readonly #reads = new Turns(AT_ONCE);
  readonly #writing = new Turns(1);
  readonly #desks = new Turns(1);
  readonly #running = new Set<Promise<unknown>>();
  /** Downloads that wait for their clients. */
  readonly #held = new Set<Held>();
  readonly #above: string;
  readonly #keeping: Keeping | undefined;
  #opening: Promise<Opened> | undefined;
  #folder = '';
  /** Rows that were written since the last checkpoint. */
  #unstored = 0;
  #isClosed = false;
  #closing: Promise<void> | undefined;

  /** @param above the folder in which it makes its own; this machine's folder for temporary files unless given */
  constructor(above: string = tmpdir(), keeping?: Keeping) {
    this.#above = above;
    this.#keeping = keeping;
  }

  /** What an earlier process knew of the tables that are here; undefined if there are none. */
  async kept(): Promise<string | undefined> {
    return await this.#noted(async () => (await this.#open()).kept);
  }

  /**
   * Lends what pieces are inserted with at the same time. One borrower at a time. What is inserted and not taken over is undone.
   * @throws RetryableError if DuckDB cannot be started
   */
  async desks<T>(work: (desks: readonly Desk[]) => Promise<T>): Promise<T> {
    return await this.#noted(async () => {
      const { writer, folder } = await this.#open();
      const use = (isInserting: boolean) => this.#writing.take(() => useThreads(writer, isInserting));
      const desks: Desk[] = [];
      const inserting: Promise<unknown>[] = [];
      await use(true);
      try {
        for (let place = 0; place < DESKS; place++) {
          const connection = await this.#connect();
          const insert = (text: string) => {
            const run = async () => {
              await this.#rows(connection, 'BEGIN TRANSACTION', [], UNLIMITED);
              return await this.#changed(connection, text);
            };
            // Only the first one has a thread beside those of the reads.
            const inserted = place === 0 ? run() : this.#reads.take(run);
            inserting.push(inserted);
            return inserted;
          };
          desks.push({ path: join(folder.path, `lines-${place}.csv`), connection, insert });
        }
        return await work(desks);
      } finally {
        await Promise.allSettled(inserting);
        for (const { connection } of desks) connection.closeSync();
        if (!this.#isClosed) await use(false);
        for (const { path } of desks) await rm(path, { force: true });
      }
    }, this.#desks);
  }

  /**
   * All that `work` asks is answered as of one moment, whatever is written meanwhile.
   * @throws RetryableError if it takes too long or fails; the signal's reason if it aborts
   */
  async snapshot<T>(work: (moment: Queries) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    return await this.#noted(async () => {
      const connection = await this.#connect();
      const query = async <Row>(text: string, values: readonly Value[] = []): Promise<Row[]> =>
        await this.#reads.take(() => this.#rows<Row>(connection, text, values, { signal }));
      try {
        await query('BEGIN TRANSACTION READ ONLY');
        const result = await work({ query });
        await query('COMMIT');
        return result;
      } finally {
        connection.closeSync();
      }
    });
  }

  async #connect(): Promise<DuckDBConnection> {
    const { instance } = await this.#open();
    // It may have been closed while it was opened.
    if (this.#isClosed) throw closed();
    return await instance.connect();
  }

  /**
   * Rows as of the moment of the call, some thousand at a time. What they hold on to is given back when they end, when the caller stops
   * reading, and when the signal aborts.
   */
  async stream(text: string, values: readonly Value[], signal: AbortSignal): Promise<AsyncIterable<Text[][]>> {
    signal.throwIfAborted();
    const connection = await this.#noted(() => this.#connect());
    const held = new Held(connection);
    this.#held.add(held);
    const release = () => {
      signal.removeEventListener('abort', release);
      held.release();
      this.#held.delete(held);
    };
    signal.addEventListener('abort', release);
    const inTurn = <T>(run: () => Promise<T>): Promise<T> =>
      held.use(() => this.#noted(() => this.#reads.take(() => this.#interruptibly(connection, run, { signal }))));
    try {
      const result = await inTurn(async () => {
        await connection.run('BEGIN TRANSACTION READ ONLY');
        return await connection.stream(text, [...values]);
      });
      return chunks(() => inTurn(() => result.fetchChunk()), release, signal);
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Does all of `work`, or nothing of it. One at a time.
   * @param note is called if all is done, before anybody else writes
   * @param inserted is taken over before, and stays. Nobody reads between that and the end of `work`
   * @throws as {@link snapshot}, and what `work` throws
   */
  async write<T>(
    work: (writes: Writes) => Promise<T>,
    note?: (result: T) => void,
    inserted: readonly Desk[] = [],
  ): Promise<T> {
    const all = async () => {
      const { writer } = await this.#open();
      for (const { connection } of inserted) await this.#rows(connection, 'COMMIT', [], UNLIMITED);
      const query = <Row>(text: string, values: readonly Value[] = []): Promise<Row[]> =>
        this.#rows<Row>(writer, text, values, UNLIMITED);
      const change = (text: string) => this.#changed(writer, text);
      const handOver = async <Filled>(columns: number, fill: (take: TakeRows) => Promise<Filled>): Promise<Filled> => {
        const names = Array.from({ length: columns }, (_, index) => `c${index} VARCHAR`);
        await query(`CREATE OR REPLACE TEMP TABLE ${HANDED_OVER} (${names.join(', ')})`);
        const appender = await writer.createAppender(HANDED_OVER, null, 'temp');
        const take: TakeRows = (rows) => {
          for (const row of rows) {
            for (const cell of row) appender.appendVarchar(cell);
            appender.endRow();
          }
          appender.flushSync();
        };
        return await fill(take).finally(() => appender.closeSync());
      };
      await query('BEGIN TRANSACTION');
      try {
        const result = await work({ query, change, handOver });
        await query('COMMIT');
        note?.(result);
        return result;
      } catch (error) {
        // A transaction that DuckDB has ended by itself cannot be rolled back.
        if (!this.#isClosed) await writer.run('ROLLBACK').catch(() => {});
        throw error;
      }
    };
    const alone = () => this.#reads.take(() => this.#reads.take(all));
    return await this.#noted(inserted.length === 0 ? all : alone, this.#writing);
  }

  /**
   * Moves what was written from memory to the file, when it has come to some rows.
   * @param isEnd whether no more rows are known of: then they are few enough at last
   */
  async store(rows: number, isEnd = false): Promise<void> {
    this.#unstored += rows;
    if (this.#unstored >= MOST_UNSTORED || (isEnd && this.#unstored >= SOME_UNSTORED))
      await this.#noted(() => this.#store(), this.#writing);
  }

  /** Copies all tables as they are at one moment to a file, which DuckDB can open. */
  async copy(to: string): Promise<void> {
    await this.#noted(async () => {
      const opened = await this.#open();
      const copyAll = (await this.#store()) ? copyStored : copyRows;
      await this.#interruptibly(opened.writer, () => copyAll(opened, to), UNLIMITED);
    }, this.#writing);
  }

  /** @returns whether all is in the file now. A download may hold on to older rows: then the next rows try again */
  async #store(): Promise<boolean> {
    const { writer } = await this.#open();
    try {
      await this.#interruptibly(writer, () => storeAll(writer, this.#keeping), UNLIMITED);
      this.#unstored = 0;
      return true;
    } catch {
      return false;
    }
  }

  async #changed(connection: DuckDBConnection, text: string): Promise<number> {
    return await this.#interruptibly(connection, async () => (await connection.run(text)).rowsChanged, UNLIMITED);
  }

  async #rows<Row>(
    connection: DuckDBConnection,
    text: string,
    values: readonly Value[],
    bounds: Bounds,
  ): Promise<Row[]> {
    const run = async () => (await connection.runAndReadAll(text, [...values])).getRowObjectsJS();
    return (await this.#interruptibly(connection, run, bounds)) as Row[];
  }

  async #interruptibly<T>(
    connection: DuckDBConnection,
    run: () => Promise<T>,
    { signal, limit = STATEMENT_TIMEOUT }: Bounds,
  ): Promise<T> {
    // It may have aborted while a turn was waited for.
    signal?.throwIfAborted();
    if (this.#isClosed) throw closed();
    const until = performance.now() + limit;
    const isOver = () => this.#isClosed || signal?.aborted === true || performance.now() > until;
    const watching = setInterval(() => isOver() && connection.interrupt(), AGAIN);
    try {
      return await run();
    } catch (error) {
      signal?.throwIfAborted();
      if (this.#isClosed) throw closed();
      if (performance.now() > until) throw new TooSlowError(limit, ': search or filter for less', error);
      throw this.#asOurs(error);
    } finally {
      clearInterval(watching);
    }
  }

  /** Without paths: viewers are shown what is wrong, and not where this machine has its files. */
  #asOurs(error: unknown): RetryableError {
    const [line = ''] = describeError(error).split('\n');
    const told = line.replaceAll(this.#folder || '\0', 'its folder');
    return new RetryableError('duckdb', `the index of the parts: ${told}`);
  }

  /** @param turns that are waited for */
  async #noted<T>(work: () => Promise<T>, turns?: Turns): Promise<T> {
    const running = async () => {
      const done = work();
      this.#running.add(done);
      return await done.finally(() => this.#running.delete(done));
    };
    return await (turns?.take(running) ?? running());
  }

  #open(): Promise<Opened> {
    if (this.#isClosed) return Promise.reject(closed());
    const opened = async (): Promise<Opened> => {
      const found = await openDatabase(this.#above, this.#keeping);
      this.#folder = found.folder.path;
      return found;
    };
    this.#opening ??= opened().catch((error: unknown) => {
      // The disk may be full now, and not later.
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Ends all statements. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    const opened = await this.#opening?.catch(() => undefined);
    await Promise.allSettled(this.#running);
    for (const held of this.#held) held.release();
    if (opened === undefined) return;
    const { instance, writer, folder } = opened;
    // What it has begun and not ended is undone.
    writer.closeSync();
    const last = await instance.connect();
    const isStored =
      this.#keeping !== undefined &&
      (await storeAll(last, this.#keeping).then(
        () => true,
        () => false,
      ));
    last.closeSync();
    instance.closeSync();
    await (isStored ? folder.giveBack() : folder.remove());
  }
}

/** What ends a statement before it has ended by itself. */
interface Bounds {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly limit?: number;
}

const UNLIMITED: Bounds = { limit: Number.POSITIVE_INFINITY };

async function* chunks(fetch: () => Promise<DuckDBDataChunk | null>, release: () => void, signal: AbortSignal) {
  try {
    for (;;) {
      signal.throwIfAborted();
      const chunk = await fetch();
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk.getRows() as Text[][];
    }
  } finally {
    release();
  }
}

type Text = string | null;

const closed = (): RetryableError => new RetryableError('closed', 'the dashboard is being stopped');
