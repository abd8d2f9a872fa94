import type { Clock } from '@tributary/shared';

export interface BatchOptions<Entry> {
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
  /** Called when a flush has failed for good: this writer has ended. */
  readonly onError: (error: unknown) => void;
}

interface Batched<Entry> {
  readonly entry: Entry;
  /** When it came in, by the clock that is never set. */
  readonly since: number;
  /** Milliseconds that it waited for its batch to be full, once that is known. */
  waited: number;
}

/**
 * Gathers entries into batches. A batch is written when it is full, or when its oldest entry has waited for the interval,
 * whichever comes first. Batches that fill up while one is being written are written together, in one go.
 */
export class Batcher<Entry> {
  readonly #options: BatchOptions<Entry>;
  #filling: Batched<Entry>[] = [];
  #full: Batched<Entry>[] = [];
  #flushing: Promise<void> | undefined;
  #watching = false;
  /** When the oldest of the entries that are being written came in. */
  #writingSince: number | undefined;
  #timer = new AbortController();

  constructor(options: BatchOptions<Entry>) {
    this.#options = options;
  }

  /** When the oldest entry came in of those that are not being written yet; undefined if there is none. */
  get oldestSince(): number | undefined {
    return this.#filling[0]?.since;
  }

  /** When the oldest entry came in that is not durable. It counts on while a write waits for a sink that is away. */
  get oldestUnwrittenSince(): number | undefined {
    return this.#writingSince ?? this.#full[0]?.since ?? this.oldestSince;
  }

  get isEmpty(): boolean {
    return this.#filling.length === 0 && this.#full.length === 0 && this.#flushing === undefined;
  }

  add(entries: readonly Entry[]): void {
    const { size, clock } = this.#options;
    const since = clock.monotonic();
    for (const entry of entries) this.#filling.push({ entry, since, waited: 0 });
    const whole = this.#filling.length - (this.#filling.length % size);
    if (whole > 0) this.#release(whole);
    if (this.#filling.length > 0) void this.#watch();
  }

  /** Writes all entries, whether or not their batch is full, and resolves when they are settled. */
  async flushNow(): Promise<void> {
    this.#release(this.#filling.length);
    this.#timer.abort();
    await this.#flushing;
  }

  #release(count: number): void {
    const now = this.#options.clock.monotonic();
    const full = this.#filling.splice(0, count);
    for (const one of full) one.waited = now - one.since;
    this.#full.push(...full);
    if (this.#full.length > 0) this.#flushing ??= this.#flushAll();
  }

  async #flushAll(): Promise<void> {
    const { flush, onError } = this.#options;
    try {
      while (this.#full.length > 0) {
        const group = this.#full.splice(0);
        this.#writingSince = group[0]?.since;
        const entries = group.map(({ entry }) => entry);
        const waited = group.map((one) => one.waited);
        await flush(entries, waited);
      }
    } catch (error) {
      onError(error);
    } finally {
      this.#writingSince = undefined;
      this.#flushing = undefined;
    }
  }

  /** One timer for all batches: when it rings, the oldest entry has waited for the interval, or the timer is set again. */
  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    const { interval, clock } = this.#options;
    for (;;) {
      const since = this.oldestSince;
      if (since === undefined) break;
      const wait = since + interval - clock.monotonic();
      if (wait <= 0) {
        this.#release(this.#filling.length);
        continue;
      }
      this.#timer = new AbortController();
      await clock.sleep(wait, this.#timer.signal);
    }
    this.#watching = false;
  }

  /** Forgets all entries. None of them was settled, so all are delivered again. */
  abandon(): void {
    this.#filling = [];
    this.#full = [];
    this.#timer.abort();
  }
}
