import { firstChangedSince, initialStamp, isoTime } from './records.js';
import { ServedLedger, type Version } from './served.js';

export type CollectionName = 'customers' | 'products';

/** The records that a collection starts with. Each is made when it is read. */
export interface Origin {
  readonly name: CollectionName;
  readonly size: number;
  keyOf(position: number): string;
  positionOf(key: string): number | undefined;
  make(position: number): object;
}

/**
 * A record as it is now. `slot` is its place in memory: a small number that never changes. `stamp` is the time of its last
 * change in milliseconds; no two records of a collection have the same.
 */
export interface Entry extends Version {
  readonly key: string;
  /** Its JSON, in one line; of a record that was removed, as it was before. */
  readonly text: string;
  /** It was removed: clients do not find it any more. */
  readonly isGone: boolean;
}

export interface Page {
  readonly entries: readonly Entry[];
  /** The stamp of the first record of the next page, if there is one. */
  readonly next: number | undefined;
}

interface Written {
  readonly stamp: number;
  /** Its JSON; undefined if only its version has changed since the start, so that touching millions fits in memory. */
  readonly text: string | undefined;
  /** Put by hand, so it may be no record at all. The CRM never changes it. */
  readonly byHand: boolean;
  readonly isGone?: boolean;
}

/** The JSON of this many unchanged records is kept: the first ones, because clients walk all records again and again. */
const KEPT_TEXTS = 50_000;

/**
 * Records in the order of their last change. Unchanged records are computed, in the order of their position. Changed
 * records come after all of them, in a log; the newest entry of a slot replaces its older ones.
 */
export class Collection {
  readonly served = new ServedLedger();
  readonly #origin: Origin;
  readonly #untouched: string[] = [];
  readonly #written = new Map<number, Written>();
  /** In the order of the stamps. An entry is out of date when its slot has been written again. */
  #log: { readonly slot: number; readonly stamp: number }[] = [];
  readonly #addedKeys: string[] = [];
  readonly #addedSlots = new Map<string, number>();

  constructor(origin: Origin) {
    this.#origin = origin;
  }

  get name(): CollectionName {
    return this.#origin.name;
  }

  /** How many records there were at the start. */
  get originals(): number {
    return this.#origin.size;
  }

  /**
   * Up to `limit` records whose stamp is `from` or later, oldest change first.
   *
   * A walk that continues from `next` misses no record: stamps only grow, so a record that is ahead of the walk can only
   * move further ahead, to the end. A record that changes after the walk has passed it is read again, in its new state.
   * For the same reason, a client that remembers the highest stamp it has seen has seen every change up to it. An order
   * by key has neither property for `updated_since`: a change behind the walk would lie below the mark that the walk
   * leaves. The price is that a walk which is slower than the changes never ends.
   */
  page(from: number, limit: number, skip = 0): Page {
    const entries: Entry[] = [];
    let left = skip;
    for (const slot of this.#slotsFrom(from)) {
      // Numbered pages are reached by reading all before them: like real APIs of this kind, it is slow at the far end.
      if (this.#isGone(slot) || left-- > 0) continue;
      const entry = this.entry(slot);
      if (entries.length === limit) return { entries, next: entry.stamp };
      entries.push(entry);
    }
    return { entries, next: undefined };
  }

  find(key: string): Entry | undefined {
    const slot = this.#slotOf(key);
    return slot === undefined || this.#isGone(slot) ? undefined : this.entry(slot);
  }

  entry(slot: number): Entry {
    const key = this.#addedKeys[slot - this.#origin.size] ?? this.#origin.keyOf(slot);
    const written = this.#written.get(slot);
    if (written !== undefined) {
      const { stamp, isGone = false } = written;
      return { slot, key, stamp, text: written.text ?? this.#touchedText(slot, stamp), isGone };
    }
    return { slot, key, stamp: initialStamp(slot), text: this.#untouchedText(slot), isGone: false };
  }

  /**
   * A slot whose record the CRM may change: `start`, or the next one after it, continuing at the first slot after the last.
   * @param start a slot of the original records
   * @param evenGone whether it may be one that was removed
   * @returns undefined if every record was put by hand, or removed
   */
  changeableFrom(start: number, evenGone = false): number | undefined {
    const { size } = this.#origin;
    for (let step = 0; step < size; step++) {
      const slot = (start + step) % size;
      if (this.#written.get(slot)?.byHand !== true && (evenGone || !this.#isGone(slot))) return slot;
    }
    return undefined;
  }

  /** Gives a record another version and changes nothing else. @param stamp later than all before @returns false if it was put by hand */
  touch(slot: number, stamp: number): boolean {
    const written = this.#written.get(slot);
    if (written?.byHand === true || written?.isGone === true) return false;
    const text = written?.text === undefined ? undefined : restamped(JSON.parse(written.text) as object, stamp);
    this.#note(slot, { stamp, text, byHand: false });
    return true;
  }

  /** @param stamp later than every stamp before it */
  write(slot: number, text: string, stamp: number, byHand = false): void {
    this.#note(slot, { stamp, text, byHand });
  }

  /** Removes a record, or puts it back as it was, with another version. @param stamp later than every stamp before it */
  setGone(slot: number, isGone: boolean, stamp: number): void {
    const byHand = this.#written.get(slot)?.byHand ?? false;
    const { text } = this.entry(slot);
    this.#note(slot, {
      stamp,
      text: isGone || byHand ? text : restamped(JSON.parse(text) as object, stamp),
      byHand,
      isGone,
    });
  }

  #isGone(slot: number): boolean {
    return this.#written.get(slot)?.isGone === true;
  }

  #note(slot: number, written: Written): void {
    this.#written.set(slot, written);
    this.#log.push({ slot, stamp: written.stamp });
    if (this.#log.length > 2 * this.#written.size + 1_000) {
      this.#log = this.#log.filter((entry) => this.#written.get(entry.slot)?.stamp === entry.stamp);
    }
  }

  /** Puts any JSON under a key, whatever the JSON says its key is. */
  put(key: string, text: string, stamp: number): { readonly entry: Entry; readonly created: boolean } {
    const known = this.#slotOf(key);
    const slot = known ?? this.#origin.size + this.#addedKeys.length;
    if (known === undefined) {
      this.#addedKeys.push(key);
      this.#addedSlots.set(key, slot);
    }
    this.write(slot, text, stamp, true);
    return { entry: this.entry(slot), created: known === undefined };
  }

  #slotOf(key: string): number | undefined {
    const position = this.#origin.positionOf(key);
    return position !== undefined && position < this.#origin.size ? position : this.#addedSlots.get(key);
  }

  *#slotsFrom(from: number): Generator<number> {
    for (let slot = firstChangedSince(from); slot < this.#origin.size; slot++) {
      if (!this.#written.has(slot)) yield slot;
    }
    const log = this.#log;
    for (let index = firstSince(log, from); index < log.length; index++) {
      const entry = log[index];
      if (entry !== undefined && this.#written.get(entry.slot)?.stamp === entry.stamp) yield entry.slot;
    }
  }

  #touchedText(slot: number, stamp: number): string {
    return restamped(this.#origin.make(slot), stamp);
  }

  #untouchedText(slot: number): string {
    const kept = this.#untouched[slot];
    if (kept !== undefined) return kept;
    const text = JSON.stringify(this.#origin.make(slot));
    if (slot < KEPT_TEXTS) this.#untouched[slot] = text;
    return text;
  }
}

const restamped = (record: object, stamp: number): string => JSON.stringify({ ...record, updatedAt: isoTime(stamp) });

function firstSince(log: readonly { readonly stamp: number }[], from: number): number {
  let low = 0;
  let high = log.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((log[middle]?.stamp ?? from) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
