import {
  type Clock,
  type Dataset,
  describeError,
  type Logger,
  listParts,
  RetryableError,
  within,
} from '@tributary/shared';
import { Contents } from './contents.js';
import { describeFileError } from './file-error.js';
import { type Loading, loadPart } from './load.js';
import { inspectPart, type PartFile, PartReplacedError, PartUnreadableError, probe } from './part-file.js';

export interface FollowOptions extends Loading {
  readonly dataset: Dataset;
  /** The names of all. */
  readonly datasets: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
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
  /** As they are known without looking at the disk. */
  readonly known: Contents;
  #following: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #problem: string | undefined;
  /** Parts that could not be read when some of their rows were known: why, and when that was last tried. */
  readonly #leftOut = new Map<string, { readonly why: string; readonly at: number }>();
  /** The parts that cannot be read, as they were logged. */
  #told = '';

  constructor(options: FollowOptions) {
    this.#options = options;
    this.known = new Contents(options.dataset, options.datasets, options.clock);
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
    const waiting = this.known.parts.reduce((sum, part) => sum + part.size - part.read, 0);
    if (!isDone && waiting < LITTLE) await within(clock, PATIENCE_FOR_LITTLE, done);
    return this.known;
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
    const [unreadable] = this.known.unreadable;
    if (unreadable !== undefined) {
      const why =
        'a file with the other rows alone would be taken for the whole; the other parts can be downloaded one by one';
      throw new RetryableError('part_unreadable', `${unreadable}: ${why}`);
    }
    await this.known.make(this.#options.database);
    return this.known;
  }

  /** Reads with the contents as they are now, and again if a part was replaced meanwhile. */
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

  async #follow(): Promise<void> {
    const { dataset, closed, log } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#takeIn();
        this.#problem = undefined;
        const told = this.known.unreadable.join('; ');
        if (told !== '' && told !== this.#told) log.warn({ dataset: dataset.name }, told);
        this.#told = told;
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

  /**
   * Takes in what has been appended to the parts since the last time, and nothing twice.
   *
   * @throws PartReplacedError if what was read of a part is no longer there
   * @throws PartUnreadableError for a part of which some rows were read, and others cannot be. In both cases its rows are forgotten.
   */
  async #takeIn(): Promise<void> {
    const { known } = this;
    const { directory, closed, database, log, dataset } = this.#options;
    const listed = await Promise.all((await listParts(directory, dataset.name)).map(inspectPart));
    const found = new Map(listed.flatMap((part) => (part === undefined ? [] : [[part.name, part] as const])));
    // What an earlier process has read is compared with what is there.
    if (found.size > 0) await known.make(database);
    for (const part of known.parts) {
      const now = found.get(part.name);
      if (now !== undefined && now.identity === part.identity && now.size >= part.end) {
        part.size = now.size;
        part.path = now.path;
        continue;
      }
      // A consumer took over the parts of one that died, old parts were removed, or the part cannot be opened any more.
      if (part.rows > 0) log.info({ dataset: dataset.name, part: part.name }, 'this part is not what it was');
      await known.forget(part, database);
    }
    const names = new Set(known.parts.map((part) => part.name));
    for (const part of found.values()) if (!names.has(part.name)) known.addPart(part);
    for (const part of known.parts) {
      if (closed.aborted) return;
      if (part.read !== part.size) await this.#readIfPossible(part);
    }
    known.caughtUp = !closed.aborted;
    await database.store(0, true);
  }

  /** One part that cannot be read (by its rights, or because its disk fails) must not keep all others from being shown. */
  async #readIfPossible(part: PartFile): Promise<void> {
    part.unreadable = await this.#whyNot(part);
    if (part.unreadable !== undefined) return;
    try {
      await loadPart(this.known, part, this.#options);
    } catch (error) {
      const { syscall } = error as NodeJS.ErrnoException;
      const cause = syscall === 'read' ? new PartUnreadableError(part, error) : error;
      if (cause instanceof PartUnreadableError && part.rows === 0) {
        part.unreadable = cause.message;
        return;
      }
      // With some of its rows in the table, the others would not be missed.
      if (cause instanceof PartUnreadableError || cause instanceof PartReplacedError)
        await this.known.forget(part, this.#options.database);
      throw cause;
    }
  }

  #leaveOut({ part, message }: PartUnreadableError): void {
    this.#leftOut.set(part, { why: message, at: this.#options.clock.monotonic() });
  }

  /** A part that was left out is read to its end, now and then, before its rows are taken in again. */
  async #whyNot(part: PartFile): Promise<string | undefined> {
    const leftOut = this.#leftOut.get(part.name);
    if (leftOut === undefined) return undefined;
    if (this.#options.clock.monotonic() - leftOut.at < PROBE_AGAIN) return leftOut.why;
    try {
      await probe(part);
      this.#leftOut.delete(part.name);
      return undefined;
    } catch (error) {
      if (!(error instanceof PartUnreadableError)) throw error;
      this.#leaveOut(error);
      return error.message;
    }
  }
}
