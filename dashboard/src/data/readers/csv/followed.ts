import { type Clock, type Dataset, describeError, type Logger, RetryableError, within } from '@tributary/shared';
import { Contents } from './contents.js';
import { follow } from './follow.js';
import { PartReplacedError } from './part-file.js';

export interface FollowOptions {
  readonly dataset: Dataset;
  readonly directory: string;
  readonly neutraliseFormulas: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when the reader is closed. */
  readonly closed: AbortSignal;
}

/** How long a call waits for what is new before it answers with what is known, in milliseconds. */
const PATIENCE = 400;
/** How often one call begins anew when parts are replaced under it. */
const ATTEMPTS = 3;

/** A dataset's contents, brought up to date whenever they are asked for. */
export class FollowedContents {
  readonly #options: FollowOptions;
  #contents: Contents;
  #following: Promise<void> | undefined;
  #problem: string | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#contents = new Contents(options.dataset, options.neutraliseFormulas, 1);
  }

  /** What is known without looking at the disk. */
  get known(): Contents {
    return this.#contents;
  }

  /** What keeps the parts from being read, in words; undefined if nothing does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Takes in what is new. One run at a time: calls that come during a run wait for that one. Never rejects. */
  refresh(): Promise<void> {
    this.#following ??= this.#follow().finally(() => {
      this.#following = undefined;
    });
    return this.#following;
  }

  /** Resolves when no run is going on. */
  async settled(): Promise<void> {
    await this.#following;
  }

  /** Waits for what is new, but not for long: a first read of much data goes on behind the answer. */
  async fresh(): Promise<Contents> {
    await within(this.#options.clock, PATIENCE, this.refresh());
    return this.#contents;
  }

  /**
   * Waits until everything is read.
   * @throws RetryableError if it cannot be
   */
  async complete(): Promise<Contents> {
    await this.refresh();
    if (this.#problem !== undefined) throw new RetryableError('unreadable', this.#problem);
    return this.#contents;
  }

  /** Reads with the contents as they are now, and again with the new contents if a part was replaced meanwhile. */
  async retrying<T>(contents: () => Promise<Contents>, read: (contents: Contents) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await read(await contents());
      } catch (error) {
        if (!(error instanceof PartReplacedError) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async #follow(): Promise<void> {
    const { directory, dataset, neutraliseFormulas, closed, log } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await follow(this.#contents, directory, dataset.name, closed);
        this.#problem = undefined;
        return;
      } catch (error) {
        if (error instanceof PartReplacedError) {
          const about = { dataset: dataset.name, part: error.part };
          log.info(about, 'this part is not what it was: reading the dataset anew');
          this.#contents = new Contents(dataset, neutraliseFormulas, this.#contents.generation + 1);
          if (attempt < ATTEMPTS) continue;
        }
        const problem = `the parts of ${dataset.name} cannot be read: ${describeError(error)}`;
        if (problem !== this.#problem) log.warn({ dataset: dataset.name }, `${problem}; the next request tries again`);
        this.#problem = problem;
        return;
      }
    }
  }
}
