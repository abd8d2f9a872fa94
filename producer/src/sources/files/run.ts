import type { Clock } from '@tributary/shared';
import type { Input } from '../port.js';
import type { KnownFiles } from './known.js';
import type { Trouble } from './places/place.js';

/** Milliseconds between two places that are given to be saved: what is read again after a crash, at most. */
const SAVED_EVERY = 2_000;

/** What one run does, as far as it has come. */
export class Run {
  readonly known: KnownFiles;
  readonly inputs: Input[] = [];
  readonly troubles: Trouble[] = [];
  /** Files that are to be looked into after the one that is being read. */
  ahead = 0;
  /** Files that are still being written. */
  waiting: readonly string[] = [];
  hasRead = false;
  readonly #clock: Clock;
  #savedAt: number;

  constructor(known: KnownFiles, clock: Clock) {
    this.known = known;
    this.#clock = clock;
    this.#savedAt = clock.monotonic();
  }

  /** Whether it is time to save the place. */
  isDue(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#savedAt < SAVED_EVERY) return false;
    this.#savedAt = now;
    return true;
  }
}
