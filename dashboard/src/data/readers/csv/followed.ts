import { type Clock, type Dataset, describeError, type Logger, RetryableError, within } from '@tributary/shared';
import { Contents } from './contents.js';
import type { Database } from './database.js';
import { describeFileError } from './file-error.js';
import { follow, probe } from './follow.js';
import { type PartFile, PartReplacedError, PartUnreadableError } from './part-file.js';

export interface FollowOptions {
  readonly dataset: Dataset;
  /** The names of all. */
  readonly datasets: readonly string[];
  readonly database: Database;
  readonly directory: string;
  readonly neutraliseFormulas: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when the reader is closed. */
  readonly closed: AbortSignal;
}

/** How long a call waits for what is new before it answers with what is known, in milliseconds. */
const PATIENCE = 400;
/** Bytes that are read within a moment, and how many milliseconds such a moment lasts where the machine is busy, or DuckDB just begins. */
const LITTLE = 8 * 1024 * 1024;
const PATIENCE_FOR_LITTLE = 10_000;
/** Milliseconds after which a part that was left out is tried again. */
const PROBE_AGAIN = 5_000;
/** How often one call begins anew when parts are replaced under it. */
const ATTEMPTS = 3;

/** A dataset's contents, brought up to date whenever they are asked for. */
export class FollowedContents {
  readonly #options: FollowOptions;
  readonly #contents: Contents;
  #following: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #problem: string | undefined;
  /** Parts that could not be read when some of their rows were known: why, and when that was last tried. */
  readonly #leftOut = new Map<string, { readonly why: string; readonly at: number }>();
  /** The parts that cannot be read, as they were logged. */
  #told = '';

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#contents = new Contents(options.dataset, options.datasets);
  }

  /** What is known without looking at the disk. */
  get known(): Contents {
    return this.#contents;
  }

  /** What keeps the parts from being read, in words; undefined if nothing does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Takes in what is new. One run at a time: calls that come during a run wait for the one that follows, as this one may have looked
   * before something was written. Never rejects.
   */
  refresh(): Promise<void> {
    if (this.#following === undefined) {
      this.#following = this.#follow().finally(() => {
        this.#following = undefined;
      });
      return this.#following;
    }
    this.#next ??= this.#following.then(() => {
      this.#next = undefined;
      return this.refresh();
    });
    return this.#next;
  }

  /** Resolves when no run is going on. */
  async settled(): Promise<void> {
    await (this.#next ?? this.#following);
  }

  /** Waits for what is new, but not for long where it is much: a first read of much data goes on behind the answer. */
  async fresh(): Promise<Contents> {
    const { clock } = this.#options;
    let isDone = false;
    const done = this.refresh().then(() => {
      isDone = true;
    });
    await within(clock, PATIENCE, done);
    if (!isDone && this.#waiting() < LITTLE) await within(clock, PATIENCE_FOR_LITTLE, done);
    return this.#contents;
  }

  /** Bytes that are still to be read, as far as they are known. */
  #waiting(): number {
    return this.#contents.parts.reduce((sum, part) => sum + part.size - part.read, 0);
  }

  /** As {@link fresh}, with a table that can be asked. */
  async made(): Promise<Contents> {
    const contents = await this.fresh();
    // Without a part there is none yet.
    await contents.make(this.#options.database);
    return contents;
  }

  /**
   * Waits until everything is read.
   * @throws RetryableError if it cannot be
   */
  async complete(): Promise<Contents> {
    await this.refresh();
    if (this.#problem !== undefined) throw new RetryableError('unreadable', this.#problem);
    const [unreadable] = this.#contents.unreadable;
    if (unreadable !== undefined) {
      const why =
        'a file with the other rows alone would be taken for the whole; the other parts can be downloaded one by one';
      throw new RetryableError('part_unreadable', `${unreadable}: ${why}`);
    }
    await this.#contents.make(this.#options.database);
    return this.#contents;
  }

  /**
   * Reads with the contents as they are now, and again if a part was replaced meanwhile.
   */
  async retrying<T>(contents: () => Promise<Contents>, read: (contents: Contents) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const now = await contents();
      try {
        return await read(now);
      } catch (error) {
        const isReplaced = error instanceof PartReplacedError || error instanceof PartUnreadableError;
        if (attempt === ATTEMPTS || !isReplaced) throw error;
      }
    }
  }

  #leaveOut({ part, message }: PartUnreadableError): void {
    this.#leftOut.set(part, { why: message, at: this.#options.clock.monotonic() });
  }

  /** A part that was left out is read to its end, now and then, before its rows are taken in again. */
  async #whyNot(part: PartFile): Promise<string | undefined> {
    const { clock } = this.#options;
    const leftOut = this.#leftOut.get(part.name);
    if (leftOut === undefined) return undefined;
    if (clock.monotonic() - leftOut.at < PROBE_AGAIN) return leftOut.why;
    try {
      await probe(part);
      this.#leftOut.delete(part.name);
      return undefined;
    } catch (error) {
      if (!(error instanceof PartUnreadableError)) throw error;
      this.#leftOut.set(part.name, { why: error.message, at: clock.monotonic() });
      return error.message;
    }
  }

  #tellUnreadable(): void {
    const { dataset, log } = this.#options;
    const now = this.#contents.unreadable.join('; ');
    if (now !== '' && now !== this.#told) log.warn({ dataset: dataset.name }, now);
    this.#told = now;
  }

  async #follow(): Promise<void> {
    const { directory, dataset, closed, log, database, neutraliseFormulas } = this.#options;
    const whyNot = (part: PartFile) => this.#whyNot(part);
    for (let attempt = 1; ; attempt++) {
      try {
        await follow(this.#contents, { database, directory, neutraliseFormulas, signal: closed, log, whyNot });
        this.#problem = undefined;
        this.#tellUnreadable();
        return;
      } catch (error) {
        if (error instanceof PartUnreadableError) {
          this.#leaveOut(error);
          continue;
        }
        if (error instanceof PartReplacedError) {
          const about = { dataset: dataset.name, part: error.part };
          log.info(about, 'this part is not what it was: reading it anew');
          if (attempt < ATTEMPTS) continue;
        }
        if (closed.aborted) return;
        const problem = `the parts of ${dataset.name} cannot be read: ${describeFileError(error)}`;
        if (problem !== this.#problem) {
          log.warn({ dataset: dataset.name, reason: describeError(error) }, `${problem}; the next request tries again`);
        }
        this.#problem = problem;
        return;
      }
    }
  }
}
