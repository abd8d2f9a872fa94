import type { Clock } from '@tributary/shared';
import type { Entry } from './merge.js';

export interface BatchOptions {
  /** Records that make a batch. */
  readonly size: number;
  /** Milliseconds that the oldest record of a batch waits for the others. */
  readonly interval: number;
  readonly clock: Clock;
  /** Makes entries durable and settles them. Never called again before it has ended. */
  readonly flush: (entries: readonly Entry[]) => Promise<void>;
  /** Told when a flush has failed for good: this writer has ended. */
  readonly onError: (error: unknown) => void;
}

/**
 * Gathers entries into batches: written when full, or when the oldest has waited long enough, whichever comes first.
 * Batches that fill up while one is being written are written together, in one go.
 */
export class Batcher {
  #filling: { entry: Entry; since: number }[] = [];
  #full: Entry[] = [];
  #flushing: Promise<void> | undefined;
  #timer = new AbortController();

  constructor(private readonly options: BatchOptions) {}

  /** When the oldest entry that is not yet being written came in; undefined if there is none. */
  get oldestSince(): number | undefined {
    return this.#filling[0]?.since;
  }

  get isEmpty(): boolean {
    return this.#filling.length === 0 && this.#full.length === 0 && this.#flushing === undefined;
  }

  add(entries: readonly Entry[]): void {
    const { size, clock } = this.options;
    const since = clock.now();
    const wasEmpty = this.#filling.length === 0;
    for (const entry of entries) this.#filling.push({ entry, since });
    const whole = this.#filling.length - (this.#filling.length % size);
    if (whole > 0) this.#release(whole);
    if (this.#filling.length > 0 && (wasEmpty || whole > 0)) this.#startTimer();
  }

  /** Writes what is there, full or not, and resolves when it is settled. */
  async flushNow(): Promise<void> {
    this.#release(this.#filling.length);
    await this.#flushing;
  }

  #release(count: number): void {
    this.#full.push(...this.#filling.splice(0, count).map(({ entry }) => entry));
    if (this.#filling.length === 0) this.#timer.abort();
    if (this.#full.length > 0) this.#flushing ??= this.#flushAll();
  }

  async #flushAll(): Promise<void> {
    try {
      while (this.#full.length > 0) await this.options.flush(this.#full.splice(0));
    } catch (error) {
      this.options.onError(error);
    } finally {
      this.#flushing = undefined;
    }
  }

  #startTimer(): void {
    this.#timer.abort();
    const timer = new AbortController();
    this.#timer = timer;
    const { interval, clock } = this.options;
    const wait = (this.oldestSince ?? clock.now()) + interval - clock.now();
    void clock.sleep(Math.max(0, wait), timer.signal).then(() => {
      if (!timer.signal.aborted) this.#release(this.#filling.length);
    });
  }

  /** Forgets everything: nothing of it was settled, so it comes again. */
  abandon(): void {
    this.#timer.abort();
    this.#filling = [];
    this.#full = [];
  }
}
