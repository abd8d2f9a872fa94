import type { Clock } from '@tributary/shared';
import type { Entry } from '../merge/merge.js';

export interface BatchOptions {
  /** Records that make a batch. */
  readonly size: number;
  /** Milliseconds that the oldest record of a batch waits for the others. */
  readonly interval: number;
  readonly clock: Clock;
  /**
   * Makes entries durable and settles them. Never called again before it has ended.
   * @param waited for each entry, the milliseconds that it waited for its batch to be full
   */
  readonly flush: (entries: readonly Entry[], waited: readonly number[]) => Promise<void>;
  /** Told when a flush has failed for good: this writer has ended. */
  readonly onError: (error: unknown) => void;
}

interface Waiting {
  readonly entry: Entry;
  /** When it came in. */
  readonly since: number;
  /** Milliseconds that it waited for its batch to be full, once that is known. */
  waited: number;
}

/**
 * Gathers entries into batches: written when full, or when the oldest has waited long enough, whichever comes first.
 * Batches that fill up while one is being written are written together, in one go.
 */
export class Batcher {
  #filling: Waiting[] = [];
  #full: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #watching = false;
  /** When the oldest entry came in that is being written. */
  #writingSince: number | undefined;
  #timer = new AbortController();

  constructor(private readonly options: BatchOptions) {}

  /** When the oldest entry that is not yet being written came in; undefined if there is none. */
  get oldestSince(): number | undefined {
    return this.#filling[0]?.since;
  }

  /** When the oldest entry that is not durable came in, also while a sink that is away is waited for. */
  get oldestUnwrittenSince(): number | undefined {
    return this.#writingSince ?? this.#full[0]?.since ?? this.oldestSince;
  }

  get isEmpty(): boolean {
    return this.#filling.length === 0 && this.#full.length === 0 && this.#flushing === undefined;
  }

  add(entries: readonly Entry[]): void {
    const { size, clock } = this.options;
    const since = clock.now();
    for (const entry of entries) this.#filling.push({ entry, since, waited: 0 });
    const whole = this.#filling.length - (this.#filling.length % size);
    if (whole > 0) this.#release(whole);
    if (this.#filling.length > 0) void this.#watch();
  }

  /** Writes what is there, full or not, and resolves when it is settled. */
  async flushNow(): Promise<void> {
    this.#release(this.#filling.length);
    this.#timer.abort();
    await this.#flushing;
  }

  #release(count: number): void {
    const now = this.options.clock.now();
    const full = this.#filling.splice(0, count);
    for (const waiting of full) waiting.waited = now - waiting.since;
    this.#full.push(...full);
    if (this.#full.length > 0) this.#flushing ??= this.#flushAll();
  }

  async #flushAll(): Promise<void> {
    try {
      while (this.#full.length > 0) {
        const group = this.#full.splice(0);
        this.#writingSince = group[0]?.since;
        const entries = group.map(({ entry }) => entry);
        await this.options.flush(
          entries,
          group.map(({ waited }) => waited),
        );
      }
    } catch (error) {
      this.options.onError(error);
    } finally {
      this.#writingSince = undefined;
      this.#flushing = undefined;
    }
  }

  /** One timer for all batches: when it rings, the oldest entry has waited long enough, or the timer is set anew. */
  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    const { interval, clock } = this.options;
    for (;;) {
      const since = this.oldestSince;
      if (since === undefined) break;
      const wait = since + interval - clock.now();
      // Longer than the interval: the clock was set back since.
      if (wait <= 0 || wait > interval) {
        this.#release(this.#filling.length);
        continue;
      }
      this.#timer = new AbortController();
      await clock.sleep(wait, this.#timer.signal);
    }
    this.#watching = false;
  }

  /** Forgets everything: nothing of it was settled, so it comes again. */
  abandon(): void {
    this.#filling = [];
    this.#full = [];
    this.#timer.abort();
  }
}
