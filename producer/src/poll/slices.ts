import type { IncrementalConfig } from '@tributary/shared';
import type { Cursor } from '../cursor/cursor.js';
import type { Endpoint } from '../endpoint.js';
import { initialOf } from './since.js';
import type { Walks } from './walks.js';

/** What one reading of the pages asks for, by version. */
export interface Slice {
  /** From when on; undefined for the beginning. */
  readonly since: string | undefined;
  /** Until when; undefined for no end. */
  readonly until: string | undefined;
}

/** Milliseconds. */
const USUAL_OVERLAP = 5_000;

/**
 * What one run asks for, slice by slice. Most endpoints have one slice: what changed since the mark. With
 * `incremental.window` the past is read in slices of this length, from `incremental.initial` on. The newest slice comes first
 * in each run, so that new records do not wait for the past; then slices of the past follow, for as long as the schedule
 * leaves time. Each is saved when it is confirmed, so that a run that is cut short goes on where it was.
 */
export class Slices {
  readonly #window: number | undefined;
  readonly #overlap: number;
  readonly #initial: string | undefined;
  readonly #saved: Cursor;
  readonly #now: number;
  #backfill: Cursor['backfill'];
  #live: Cursor | undefined;
  /** The mark where the past ends, if no newer record gave one. */
  #reached: string | undefined;

  /** @param now milliseconds since the epoch */
  constructor({ config }: Endpoint, saved: Cursor, now: number) {
    const incremental: IncrementalConfig = config.incremental ?? {};
    const { window, overlap } = incremental;
    this.#window = window;
    this.#overlap = typeof overlap === 'object' ? overlap.milliseconds : USUAL_OVERLAP;
    this.#initial = initialOf(incremental);
    this.#saved = saved;
    this.#now = now;
    this.#backfill = this.#unread();
  }

  /** What is new. @param since as the mark has it; undefined without one */
  first(since: string | undefined): Slice {
    if (this.#backfill !== undefined) {
      const beginning = moved(this.#backfill.to, -this.#overlap);
      return { since: since === undefined || beginning > since ? beginning : since, until: undefined };
    }
    return { since: since ?? (this.#saved.mark === undefined ? this.#initial : undefined), until: undefined };
  }

  /** The next slice of the past; undefined if none is left. */
  next(): Slice | undefined {
    if (this.#backfill === undefined || this.#window === undefined) return undefined;
    const { from, to } = this.#backfill;
    const until = moved(from, this.#window);
    // APIs do not agree on whether the bounds belong to a slice.
    return { since: moved(from, -this.#overlap), until: until < to ? until : to };
  }

  /** The cursor to save when a slice is confirmed. */
  confirmed(slice: Slice, walks: Walks): Cursor {
    if (slice.until === undefined) this.#live = walks.cursor();
    else if (walks.settled && this.#backfill !== undefined) {
      const { to } = this.#backfill;
      this.#backfill = slice.until < to ? { from: slice.until, to } : undefined;
      // With no newer record there would be no mark, and the next run would begin with the past again.
      if (this.#backfill === undefined && this.#live?.mark === undefined) this.#reached = to;
    }
    const { backfill: _before, ...live } = this.#live ?? this.#saved;
    return {
      ...(this.#reached === undefined ? {} : { mark: this.#reached }),
      ...live,
      ...(this.#backfill === undefined ? {} : { backfill: this.#backfill }),
    };
  }

  /** What of the past is to be read slice by slice: what was left, and a stretch since the mark that is longer than a slice. */
  #unread(): Cursor['backfill'] {
    if (this.#window === undefined || this.#initial === undefined) return undefined;
    const { mark, backfill } = this.#saved;
    const from = backfill?.from ?? mark ?? new Date(this.#initial).toISOString();
    const to = new Date(this.#now - this.#window).toISOString();
    const isBehind = mark === undefined || mark < to;
    if (backfill !== undefined && !isBehind) return backfill;
    return isBehind && from < to ? { from, to } : backfill;
  }
}

const moved = (version: string, milliseconds: number): string =>
  new Date(Date.parse(version) + milliseconds).toISOString();
