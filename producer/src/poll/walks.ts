import { createHash, type Hash } from 'node:crypto';
import type { Cursor } from '../cursor/cursor.js';
import type { Endpoint } from '../endpoint.js';
import type { OutgoingMessage } from '../publish/messages.js';
import type { Page, Validator } from '../sources/port.js';
import { HighWaterMark } from './mark.js';

/** Pages beyond this many are asked for without conditions, so that a cursor stays small. */
const MAX_VALIDATORS = 100;

/** So often does one run read the pages before it gives up on seeing them stand still. */
const MAX_WALKS = 4;

/** One reading of all pages: what it saw, and how far that reaches. */
export class Walk {
  readonly mark: HighWaterMark;
  readonly validators: Validator[] = [];
  readonly #digest: Hash = createHash('sha256');
  readonly #compares: boolean;
  #pages = 0;
  #counted = false;
  #modified = false;

  constructor(endpoint: Endpoint, saved: Cursor, startedAt: number, countsPages: boolean) {
    // The digest costs a microsecond a record; with a cursor nothing is compared.
    this.#compares = endpoint.config.incremental !== undefined && countsPages;
    this.mark = new HighWaterMark(endpoint, saved.mark, startedAt);
    if (saved.seen !== undefined) this.mark.see(saved.seen);
  }

  page({ serverTime, validator, counted, notModified }: Page): void {
    this.#pages += 1;
    this.#counted ||= counted;
    this.#modified ||= !notModified;
    this.mark.seeClock(serverTime);
    if (validator !== undefined && this.validators.length < MAX_VALIDATORS) this.validators.push(validator);
  }

  record({ envelope: { key, version } }: OutgoingMessage): void {
    this.mark.see(version);
    if (this.#compares) this.#digest.update(JSON.stringify([key, version]));
  }

  /** Whether a record may have slid onto a page already read: pages were found by their number, and were not all 304. */
  get mayHaveMissed(): boolean {
    return this.#counted && this.#modified;
  }

  /** Whether the records were read in one piece, so that none changed behind the reader's back. */
  get isOnePiece(): boolean {
    return this.#pages <= 1;
  }

  /** The records, in order. To be asked once, at the end. */
  digest(): string {
    return this.#digest.digest('base64');
  }
}

/**
 * The walks of one run. Pages that are found by their number move when a record before them goes away or is sorted to
 * another place: what followed slides onto a page already read, and the walk misses it, while the high-water mark would
 * pass it for good. So an incremental run over such pages walks again until two walks in a row agree. A record slides
 * back only when one before it was read and then left its place, which the next walk shows (it is gone, or has another
 * version): two walks that agree have both seen everything. If none do, the mark stays, and the next run repeats.
 *
 * Versions that are no times need one thing more. A record may change behind the reader, on a page already read, and get a
 * number below that of a record on a later page; a mark at the largest number seen would pass it. A time cannot (see
 * {@link HighWaterMark}). So after several pages such a mark is only what the run before had seen: those numbers were given
 * out before this run began, and it has seen all that still bear them.
 */
export class Walks {
  readonly #endpoint: Endpoint;
  readonly #saved: Cursor;
  readonly #countsPages: boolean;
  readonly since: string | undefined;
  #settled: Walk | undefined;
  #previous: { readonly walk: Walk; readonly digest: string } | undefined;
  #walks = 0;
  #agreed = false;

  /**
   * @param now milliseconds since the epoch
   * @param countsPages whether any page may be found by its number
   */
  constructor(endpoint: Endpoint, saved: Cursor, now: number, countsPages: boolean) {
    this.#endpoint = endpoint;
    this.#countsPages = countsPages;
    this.#saved = saved;
    this.since = new HighWaterMark(endpoint, saved.mark, now).since();
  }

  begin(startedAt: number): Walk {
    return new Walk(this.#endpoint, this.#saved, startedAt, this.#countsPages);
  }

  /** Whether the run has to walk once more after this walk. */
  again(walk: Walk): boolean {
    this.#walks += 1;
    if (this.#endpoint.config.incremental === undefined || !walk.mayHaveMissed) {
      this.#settled = walk;
      return false;
    }
    const digest = walk.digest();
    // The earlier of the two saw everything that there was when it began; the mark must not pass that moment.
    if (this.#previous?.digest === digest) {
      this.#settled = this.#previous.walk;
      this.#agreed = true;
    }
    this.#previous = { walk, digest };
    return this.#settled === undefined && this.#walks < MAX_WALKS;
  }

  /** Whether the pages stood still for long enough to be read. */
  get settled(): boolean {
    return this.#settled !== undefined;
  }

  /** What the next run goes on from. */
  cursor(): Cursor {
    if (this.#settled === undefined) return { ...this.#saved, validators: [] };
    const { mark, validators } = this.#settled;
    const reached = mark.reached();
    if (reached === undefined) return { validators };
    if (mark.isTime || this.#agreed || this.#settled.isOnePiece) return { mark: reached, validators };
    const behind = this.#saved.seen ?? this.#saved.mark;
    return { ...(behind === undefined ? {} : { mark: behind }), seen: reached, validators };
  }
}
