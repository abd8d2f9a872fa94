import type { Entry } from './collection.js';

/** What was served last of a record. */
export interface Serving {
  /** The newest stamp that was served. */
  readonly version: number;
  /** When, in milliseconds. */
  readonly at: number;
}

/** Remembers of each record what was served last, in 16 bytes a record. */
export class ServedLedger {
  #versions = new Float64Array(256);
  #times = new Float64Array(256);
  #size = 0;

  /** How many records have been served at least once. */
  get size(): number {
    return this.#size;
  }

  note(entries: readonly Entry[], at: number): void {
    for (const { slot, stamp } of entries) {
      this.#makeRoomFor(slot);
      const before = this.#versions[slot] ?? 0;
      if (before === 0) this.#size++;
      // Of two responses that cross, the older one may be finished last.
      if (stamp < before) continue;
      this.#versions[slot] = stamp;
      this.#times[slot] = at;
    }
  }

  of(slot: number): Serving | undefined {
    const version = this.#versions[slot] ?? 0;
    return version === 0 ? undefined : { version, at: this.#times[slot] ?? 0 };
  }

  /** The slots that have been served, as of now. */
  slots(): Uint32Array {
    const slots = new Uint32Array(this.#size);
    let count = 0;
    for (const [slot, version] of this.#versions.entries()) if (version !== 0) slots[count++] = slot;
    return slots;
  }

  #makeRoomFor(slot: number): void {
    if (slot < this.#versions.length) return;
    const length = Math.max(slot + 1, 2 * this.#versions.length);
    this.#versions = enlarge(this.#versions, length);
    this.#times = enlarge(this.#times, length);
  }
}

function enlarge(from: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const to = new Float64Array(length);
  to.set(from);
  return to;
}
