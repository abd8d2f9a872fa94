/**
 * The deliveries that the broker gives out to a consumer before it waits for an acknowledgement (the prefetch), so that they are about
 * so many records. The broker counts messages, and a message may be a pack.
 *
 * A consumer holds of one queue at most `deliveries` single records, or {@link MOST_RECORDS} records in packs, of about {@link MOST_BYTES}
 * together; but always as many records as two batches have, for batches have to be filled. A batch is full with {@link MOST_IN_BATCH} too.
 * For a moment it may hold more: what arrives before the broker has heard of a smaller number.
 */
export class Window {
  readonly #deliveries: number;
  /** Records that it holds in any case, unless two batches are full of fewer. */
  readonly #fewest: number;
  #size: number;
  /** Of the messages of late, the mean of their records and bytes. */
  #records = 1;
  #bytes = 0;
  /** Messages since the size was last chosen. */
  #seen = 0;

  /**
   * @param deliveries the prefetch for messages that hold one small record each
   * @param batch the records of a batch
   */
  constructor(deliveries: number, batch: number) {
    this.#deliveries = deliveries;
    this.#fewest = batch * 2;
    this.#size = Math.min(deliveries, FIRST);
  }

  /** What the broker has been told, or is told next. */
  get size(): number {
    return this.#size;
  }

  /** Takes note of a message. @returns whether there is another size from here on */
  add(records: number, bytes: number): boolean {
    this.#seen += 1;
    const weight = Math.max(1 / this.#seen, 1 / REMEMBERED);
    this.#records += (records - this.#records) * weight;
    this.#bytes += (bytes - this.#bytes) * weight;
    // Most messages have told nothing that is new.
    if (this.#seen % LOOK !== 0) return false;
    const wanted = this.#wanted();
    const isEnough = this.#size >= this.#least;
    // To tell the broker costs a moment without deliveries: a number that is about right stays.
    if (isEnough && wanted < this.#size * 2 && wanted > this.#size / 2 && wanted !== this.#deliveries) return false;
    if (wanted === this.#size) return false;
    this.#size = wanted;
    return true;
  }

  /** Messages that fill two batches: with fewer, a batch would wait for its interval. */
  get #least(): number {
    const twoBatches = Math.min(this.#fewest / this.#records, (MOST_IN_BATCH * 2) / this.#bytes);
    return Math.min(this.#deliveries, Math.max(LEAST, twoBatches));
  }

  #wanted(): number {
    const most = this.#records < PACKED ? this.#deliveries : MOST_RECORDS / this.#records;
    return Math.ceil(Math.min(this.#deliveries, Math.max(this.#least, Math.min(most, MOST_BYTES / this.#bytes))));
  }
}

/** Records in packs. Those that wait for their turn take the memory of their bytes only. */
const MOST_RECORDS = 10_000;
const MOST_BYTES = 16 * 1024 ** 2;

/** Bytes of messages with which a batch is full, however few records they hold (`MOST_IN_BATCH` in write/batch.ts, which is memory). */
const MOST_IN_BATCH = 16 * 1024 ** 2;

/** While one pack is worked on, the next one should be there. */
const LEAST = 4;

/** Deliveries at the beginning, when it is not known how large they are: a message may have 16 MB. */
const FIRST = 16;

/**
 * After so many messages it is looked whether the size is right; the mean is about that of the last {@link REMEMBERED}. No more than
 * {@link FIRST}: these may all be held by a batch that waits for more.
 */
const LOOK = 16;
const REMEMBERED = 64;

/** Mean records of a message from which on messages count as packs. */
const PACKED = 2;
