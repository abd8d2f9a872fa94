import type { Clock } from '@tributary/shared';

export interface BatchOptions<Entry> {
  /** Records that make a batch. */
  readonly size: number;
  /** Milliseconds that the oldest record of a batch waits for the others. */
  readonly interval: number;
  /** The memory that an entry takes, about. */
  readonly bytesOf: (entry: Entry) => number;
  readonly clock: Clock;
  /**
   * Makes entries durable and settles them. Never called again before it has ended.
   * @param waited for each entry, the milliseconds that it waited for its batch to be full
   */
  readonly flush: (entries: readonly Entry[], waited: readonly number[]) => Promise<void>;
  /** Called when a flush has failed for good: this writer has ended. */
  readonly onError: (error: unknown) => void;
}

/** Entries that came in together. */
interface Arrived<Entry> {
  readonly entries: readonly Entry[];
  /** When they came in, by the clock that is never set. */
  readonly since: number;
  /** The memory that they take, about. */
  readonly bytes: number;
}

/** Full batches that are written together. */
interface Group<Entry> {
  readonly entries: Entry[];
  /** For each entry, the milliseconds that it waited for its batch to be full. */
  readonly waited: number[];
  /** When the oldest of them came in. */
  readonly since: number;
  /** The memory that the entries take, about. */
  bytes: number;
}

/**
 * The memory of full batches that may wait while others are written, in bytes. Records are decoded, claimed and merged faster than they
 * are written, so without a bound all that the broker gives out would wait here, at ten times the bytes of its message. Enough that a write
 * is large: each costs an fsync.
 */
const MOST_WAITING = 4 * 1024 ** 2;

/**
 * The memory of the records of one batch, in bytes: with more it is written before it is full. It is reached by records of 16 MB together
 * (`MOST_IN_BATCH` in intake/window.ts); a batch of 500 records of 1 MB each would end the process.
 */
const MOST_IN_BATCH = 64 * 1024 ** 2;

/**
 * Gathers entries into batches. A batch is written when it is full, by records or by memory, or when its oldest entry has waited for the
 * interval, whichever comes first. Batches that fill up while one is being written are written together, in one go.
 */
export class Batcher<Entry> {
  readonly #options: BatchOptions<Entry>;
  /** Entries whose batch is not full: fewer than one batch. */
  #filling: Arrived<Entry>[] = [];
  #full: Group<Entry> | undefined;
  #flushing: Promise<void> | undefined;
  #watching = false;
  /** When the oldest of the entries that are being written came in. */
  #writingSince: number | undefined;
  #timer = new AbortController();
  /** Called when there is room for more. */
  #onRoom: () => void = () => {};

  constructor(options: BatchOptions<Entry>) {
    this.#options = options;
  }

  /** When the oldest entry came in of those that are not being written yet; undefined if there is none. */
  get oldestSince(): number | undefined {
    return this.#filling[0]?.since;
  }

  /** When the oldest entry came in that is not durable. It counts on while a write waits for a sink that is away. */
  get oldestUnwrittenSince(): number | undefined {
    return this.#writingSince ?? this.#full?.since ?? this.oldestSince;
  }

  get isEmpty(): boolean {
    return this.#filling.length === 0 && this.#full === undefined && this.#flushing === undefined;
  }

  add(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const { size, clock } = this.#options;
    this.#filling.push({ entries, since: clock.monotonic(), bytes: this.#bytesOf(entries) });
    const count = this.#filling.reduce((sum, arrived) => sum + arrived.entries.length, 0);
    if (count >= size) this.#release(count - (count % size));
    const bytes = this.#filling.reduce((sum, arrived) => sum + arrived.bytes, 0);
    if (bytes >= MOST_IN_BATCH) this.#release(Number.POSITIVE_INFINITY);
    if (this.#filling.length > 0) void this.#watch();
  }

  /** Undefined while there is room for more; otherwise a promise to await before the next entries. It does not reject. */
  room(): Promise<void> | undefined {
    if (this.#flushing === undefined || (this.#full?.bytes ?? 0) < MOST_WAITING) return undefined;
    return new Promise((resolve) => (this.#onRoom = resolve));
  }

  /** Writes all entries, whether or not their batch is full, and resolves when they are settled. */
  async flushNow(): Promise<void> {
    this.#release(Number.POSITIVE_INFINITY);
    this.#timer.abort();
    await this.#flushing;
  }

  #bytesOf(entries: readonly Entry[]): number {
    let bytes = 0;
    for (const entry of entries) bytes += this.#options.bytesOf(entry);
    return bytes;
  }

  /** @param count of the oldest entries, how many are written now: all if there are fewer */
  #release(count: number): void {
    const now = this.#options.clock.monotonic();
    let left = count;
    while (left > 0) {
      const arrived = this.#filling.shift();
      if (arrived === undefined) break;
      const { since } = arrived;
      const entries = arrived.entries.slice(0, left);
      const rest = arrived.entries.slice(left);
      const restBytes = this.#bytesOf(rest);
      if (rest.length > 0) this.#filling.unshift({ entries: rest, since, bytes: restBytes });
      this.#full ??= { entries: [], waited: [], since, bytes: 0 };
      this.#full.bytes += arrived.bytes - restBytes;
      for (const entry of entries) {
        this.#full.entries.push(entry);
        this.#full.waited.push(now - since);
      }
      left -= entries.length;
    }
    if (this.#full !== undefined) this.#flushing ??= this.#flushAll();
  }

  async #flushAll(): Promise<void> {
    const { flush, onError } = this.#options;
    try {
      for (let group = this.#full; group !== undefined; group = this.#full) {
        this.#full = undefined;
        this.#onRoom();
        this.#writingSince = group.since;
        await flush(group.entries, group.waited);
      }
    } catch (error) {
      onError(error);
    } finally {
      this.#writingSince = undefined;
      this.#flushing = undefined;
      this.#onRoom();
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
        this.#release(Number.POSITIVE_INFINITY);
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
    this.#full = undefined;
    this.#onRoom();
    this.#timer.abort();
  }
}
