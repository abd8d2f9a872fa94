import { readFile, stat } from 'node:fs/promises';
import { BoundedProcess, builtFile, RetryableError } from '@tributary/shared';
import { TOO_LARGE } from './duckdb/errors.js';
import { fileTooLarge, SqlError } from './port.js';
import type { SqlAnswer, SqlMessage, SqlTask } from './task.js';

/** Milliseconds within which the process starts. */
const START = 60_000;
/** Milliseconds that the engine may take to tell by itself that its time is over. */
const GRACE = 2_000;
/** Megabytes that the process has beside what the engine takes: Node, DuckDB itself, and the rows that are handed over. */
const BESIDE = 512;
/** Megabytes of its heap. */
const HEAP = 160;
/** Milliseconds between two looks at its memory. */
const LOOK = 200;

/**
 * One query in a process of its own, which is killed when its time or its memory is over, and when its reader goes: no statement can be trusted to
 * end when it is asked to, and a value that fits into no memory ends the process that holds it.
 */
export class SqlProcess {
  readonly #task: SqlTask;
  readonly #signal: AbortSignal;
  #child: BoundedProcess | undefined;
  /** Milliseconds that the engine has worked. */
  #spent = 0;
  #watching: NodeJS.Timeout | undefined;
  #isFileTooLarge = false;

  constructor(task: SqlTask, signal: AbortSignal) {
    this.#task = task;
    this.#signal = signal;
  }

  /** Starts it, and resolves with its first answer. @throws SqlError; RetryableError; the signal's reason */
  async begin(): Promise<SqlAnswer> {
    this.#signal.throwIfAborted();
    // Of this machine's time zone nothing is known there.
    const child = new BoundedProcess(builtFile('./child.js', import.meta.url), HEAP, { TZ: 'UTC' });
    this.#child = child;
    this.#watch(child);
    // To start is no work of the engine.
    const start: SqlMessage = { start: this.#task.engine.kind };
    const started = await child.ask<SqlAnswer | 'ready'>(start, { time: START, signal: this.#signal });
    if (typeof started === 'object' && 'broken' in started) throw failed(started.broken);
    if (started !== 'ready') throw notStarted();
    return await this.#answerTo(this.#task);
  }

  /** Asks for what follows. @throws as {@link begin} */
  next(): Promise<SqlAnswer> {
    return this.#answerTo('next');
  }

  /** Safe to call again. */
  end(): void {
    clearInterval(this.#watching);
    this.#child?.kill();
    this.#child = undefined;
  }

  /** DuckDB bounds most of what it takes by itself, Postgres' rows and single values nobody does. Only Linux tells it cheaply. */
  #watch(child: BoundedProcess): void {
    const most = (this.#task.memory + BESIDE) * 1024 * 1024;
    this.#watching = setInterval(async () => {
      const pages = await readFile(`/proc/${child.pid}/statm`, 'utf8').catch(() => '');
      this.#isFileTooLarge ||= await this.#hasTooLargeFile();
      if (this.#isFileTooLarge || Number(pages.split(' ')[1] ?? 0) * 4096 >= most) child.kill();
    }, LOOK);
    this.#watching.unref();
  }

  /** DuckDB writes a file for as long as it has rows, which may be until the disk is full. */
  async #hasTooLargeFile(): Promise<boolean> {
    const { parquet, maxBytes } = this.#task;
    if (parquet === undefined || maxBytes === undefined) return false;
    const { size } = await stat(parquet).catch(() => ({ size: 0 }));
    return size > maxBytes;
  }

  async #answerTo(message: SqlMessage): Promise<SqlAnswer> {
    const { seconds } = this.#task;
    const began = performance.now();
    const time = seconds * 1_000 - this.#spent + GRACE;
    const answer = (await this.#child?.ask<SqlAnswer>(message, { time, signal: this.#signal })) ?? 'killed';
    this.#spent += performance.now() - began;
    if (answer === 'late') {
      this.end();
      throw tooSlow(seconds);
    }
    if (this.#isFileTooLarge) throw fileTooLarge(this.#task.maxBytes);
    if (typeof answer === 'string') throw new SqlError('sql_too_large', TOO_LARGE);
    if ('wrong' in answer) throw new SqlError(answer.wrong.code, answer.wrong.message, answer.wrong.position);
    if ('broken' in answer) throw failed(answer.broken);
    return answer;
  }
}

const failed = (cause: string) =>
  new RetryableError('sql_failed', 'the query failed; the log of the dashboard says why', { cause });

const notStarted = () => new RetryableError('sql_failed', 'the process for the query does not start; try again');

export const tooSlow = (seconds: number): SqlError =>
  new SqlError('sql_too_slow', `it takes longer than ${seconds} s: ask for fewer rows, or filter before joining`);
