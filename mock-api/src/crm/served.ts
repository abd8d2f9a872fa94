/** A version of a record: which record, and the time of its last change. */
export interface Version {
  readonly slot: number;
  readonly stamp: number;
}

/** The newest version of a record that a client has. */
export interface Serving {
  /** The stamp of the newest version that was served. */
  readonly version: number;
  /** When it was served, in milliseconds. */
  readonly at: number;
}

/** Remembers the newest version that was served of each record, in 16 bytes a record. */
export class ServedLedger {
  #versions = new Float64Array(256);
  #times = new Float64Array(256);
  #size = 0;

  /** How many records have been served at least once. */
  get size(): number {
    return this.#size;
  }

  note(versions: readonly Version[], at: number): void {
    for (const { slot, stamp } of versions) {
      this.#makeRoomFor(slot);
      const before = this.#versions[slot] ?? 0;
      if (before === 0) this.#size++;
      // Two responses can overlap, and the one with the older version can finish last.
      if (stamp < before) continue;
      this.#versions[slot] = stamp;
      this.#times[slot] = at;
    }
  }

  of(slot: number): Serving | undefined {
    const version = this.#versions[slot] ?? 0;
    return version === 0 ? undefined : { version, at: this.#times[slot] ?? 0 };
  }

  /** The slots of all records that have been served until now. */
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
