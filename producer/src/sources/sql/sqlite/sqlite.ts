import { isBuiltin } from 'node:module';
import { Worker } from 'node:worker_threads';
import { FatalError, interruptible, RetryableError, redactUrl } from '@tributary/shared';
import type {
  Database,
  DatabaseOptions,
  Dialect,
  Placed,
  Rows,
  Statement,
  TableDescription,
  Value,
} from '../database.js';
import { timedOut } from '../faults.js';
import { faultOf } from './errors.js';
import { DESCRIBE, describeTables } from './tables.js';
import type { Answer, Question, ThreadData } from './thread.js';
import { columnOf } from './types.js';

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const DIALECT: Dialect = {
  quote,
  placeholder: () => '?',
  bytewise: (expression) => `CAST(${expression} AS TEXT) COLLATE BINARY`,
  comparesLists: true,
  // One row where none is asked for: its values say of what types the columns are.
  limited: (select, rows) => `${select} LIMIT ${Math.max(1, rows)}`,
  clock: "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
};

/** The thread's program lies beside this file, compiled or not. */
const THREAD = new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url);

/** A file of SQLite, read by several endpoints one after the other, in a thread of its own. */
export class SqliteDatabase implements Database {
  readonly dialect = DIALECT;
  readonly host: string;
  readonly name: string;
  readonly #path: string;
  readonly #timeout: number;
  readonly #cancelled = new AbortController();
  #thread: Worker | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ url, timeout }: DatabaseOptions) {
    const { host, pathname } = new URL(url);
    this.host = host;
    this.name = redactUrl(url);
    // sqlite:///from/the/root and sqlite://./from/the/folder
    this.#path = `${decodeURIComponent(host)}${decodeURIComponent(pathname)}`;
    this.#timeout = timeout;
  }

  async query(statement: Statement, signal: AbortSignal): Promise<Rows> {
    const { columns, rows } = await this.#inTurn(statement, signal);
    return { columns: columns.map(({ name, type }, index) => columnOf(name, type, firstOf(rows, index))), rows };
  }

  async table(name: string, signal: AbortSignal): Promise<TableDescription | undefined> {
    const values: Placed[] = [{ value: name, sorting: 'text' }];
    const { rows } = await this.#inTurn({ text: DESCRIBE.replace('%s', 'm.name = ?'), values }, signal);
    return describeTables(rows)[0];
  }

  async tables(signal: AbortSignal): Promise<readonly TableDescription[]> {
    const { rows } = await this.#inTurn({ text: DESCRIBE.replace('%s', 'TRUE'), values: [] }, signal);
    return describeTables(rows);
  }

  async close(): Promise<void> {
    this.#cancelled.abort(new RetryableError('stopping', 'the database is being closed'));
    await this.#thread?.terminate();
  }

  #inTurn(statement: Statement, signal: AbortSignal) {
    const both = AbortSignal.any([signal, this.#cancelled.signal]);
    const answered = this.#turn.then(() => this.#ask(statement, both));
    this.#turn = answered.catch(() => {});
    // One that waits for its turn need not wait for what goes on.
    return interruptible(answered, both);
  }

  async #ask({ text, values }: Statement, signal: AbortSignal) {
    signal.throwIfAborted();
    if (!isBuiltin('node:sqlite')) {
      throw new FatalError(
        'sqlite_missing',
        `SQLite is read by Node 22.13 and newer, and this is Node ${process.versions.node}: run the producer with a newer one`,
      );
    }
    const answer = await this.#answered({ text, values: values.map(inStatement) }, signal);
    if ('message' in answer) throw faultOf(answer.message, answer.number);
    return { columns: answer.columns, rows: answer.rows.map((row) => row.map(asValue)) };
  }

  /** A thread that does not answer in time is given up, with the statement that holds it. */
  #answered(question: Question, signal: AbortSignal): Promise<Answer> {
    const thread = this.#started();
    return new Promise((resolve, reject) => {
      const settle = (settled: () => void) => {
        clearTimeout(timer);
        thread.unref();
        signal.removeEventListener('abort', onAbort);
        thread.off('message', onMessage).off('error', onError);
        settled();
      };
      const giveUp = (reason: unknown) =>
        settle(() => {
          this.#thread = undefined;
          void thread.terminate();
          reject(reason);
        });
      const onMessage = (answer: Answer) => settle(() => resolve(answer));
      const onError = (error: unknown) =>
        giveUp(new RetryableError('network', 'the thread of SQLite ended', { cause: error }));
      const onAbort = () => giveUp(signal.reason);
      const timer = setTimeout(() => giveUp(timedOut(this.#timeout, undefined)), this.#timeout);
      signal.addEventListener('abort', onAbort, { once: true });
      thread.on('message', onMessage).on('error', onError);
      // It keeps the process alive while something waits for it, and not longer.
      thread.ref();
      thread.postMessage(question);
    });
  }

  #started(): Worker {
    if (this.#thread !== undefined) return this.#thread;
    const workerData: ThreadData = { path: this.#path };
    // Node calls its SQLite experimental in a line on stderr, which is no line of a log.
    const thread = new Worker(THREAD, { workerData, execArgv: ['--disable-warning=ExperimentalWarning'] });
    this.#thread = thread;
    return thread;
  }
}

const firstOf = (rows: readonly (readonly Value[])[], index: number): Value | undefined =>
  rows.find((row) => row[index] !== null)?.[index] ?? undefined;

const asValue = (value: string | Uint8Array | bigint | number | null): Value =>
  value instanceof Uint8Array ? Buffer.from(value) : value;

/** What is compared with numbers has to be one: SQLite takes every text for larger. */
function inStatement({ value, sorting }: Placed): Question['values'][number] {
  if (sorting !== 'number' || typeof value !== 'string') return value;
  return /^-?\d+$/.test(value) ? BigInt(value) : Number(value);
}
