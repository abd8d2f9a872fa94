import { createHash, type Hash } from 'node:crypto';
import type { Envelope } from '@tributary/shared';
import type { Cursor } from '../cursor/cursor.js';
import type { Endpoint } from '../endpoint.js';
import type { Page, Place, Validator } from '../sources/port.js';
import { HighWaterMark } from './mark.js';

/** Validators of more pages than this are not kept, so that a cursor stays small. */
const MAX_VALIDATORS = 100;

/** How many times one run reads the pages at most, if they keep moving. */
export const MAX_WALKS = 4;

/** One reading of all pages: the records that it saw, and the mark that they reach. */
export class Walk {
  readonly mark: HighWaterMark;
  readonly validators: Validator[] = [];
  /** How far the source has read with the pages of this walk; undefined where it does not say so. */
  place: Place | undefined;
  readonly #digest: Hash = createHash('sha256');
  readonly #compares: boolean;
  #pages = 0;
  #records = 0;
  #version: string | undefined;
  #isOneVersion = true;
  #counted = false;
  #modified = false;

  constructor(endpoint: Endpoint, saved: Cursor, startedAt: number, countsPages: boolean) {
    // The digest costs a microsecond for each record, and is needed only where walks are compared.
    this.#compares = endpoint.config.incremental !== undefined && countsPages;
    this.mark = new HighWaterMark(endpoint, saved.mark, startedAt);
    if (saved.seen !== undefined) this.mark.see(saved.seen);
  }

  page({ serverTime, newest, validator, place, counted = false, notModified = false }: Page): void {
    this.#pages += 1;
    this.#counted ||= counted;
    this.#modified ||= !notModified;
    this.mark.seeClock(serverTime);
    this.mark.seeNewest(newest);
    this.place = place ?? this.place;
    if (validator !== undefined && this.validators.length < MAX_VALIDATORS) this.validators.push(validator);
  }

  record({ envelope: { key, version } }: { readonly envelope: Pick<Envelope, 'key' | 'version'> }): void {
    this.mark.see(version);
    this.#records += 1;
    this.#version ??= version;
    this.#isOneVersion &&= version === this.#version;
    if (this.#compares) this.#digest.update(JSON.stringify([key, version]));
  }

  /** Whether a record may have moved to a page already read: pages were counted, and not all of them were unchanged (304). */
  get mayHaveMissed(): boolean {
    return this.#counted && this.#modified;
  }

  /** Whether all records were on one page, so that none can have changed between two requests. */
  get isOnePiece(): boolean {
    return this.#pages <= 1;
  }

  /**
   * Whether this may be all that the API ever gives: one full page of records that all have one version, that of the saved
   * mark. If the API cuts its answers at so many records, those that follow stay hidden for ever.
   */
  standsStill(saved: Cursor, limits: ReadonlySet<number>): boolean {
    const isFull = limits.has(this.#records) || (this.#records >= 50 && this.#records % 50 === 0);
    return this.isOnePiece && this.#isOneVersion && isFull && this.#version === saved.mark;
  }

  /** Identifies the records and their order. To be called once, at the end. */
  digest(): string {
    return this.#digest.digest('base64');
  }
}

/**
 * The walks of one run. Records on counted pages move when a record before them goes away or is sorted to another place:
 * the records that followed move to a page already read, the walk misses them, and the high-water mark would pass them for
 * good. So an incremental run over such pages walks again until two walks in a row agree. A record moves back only if a
 * record before it was read and then left its place, and the next walk shows that (the record is gone, or has another
 * version). So two walks that agree have both seen everything. If no two agree, the mark stays, and the next run repeats.
 *
 * Versions that are not times need one more rule. A record on a page already read may change and get a number below that of
 * a record on a later page. A mark at the largest number seen would pass it; a mark that is a time cannot (see
 * {@link HighWaterMark}). So after several pages the mark is only the largest number that the run before had seen: those
 * numbers were given out before this run began, and this run has seen every record that still has one of them. Where the records
 * come in the order of their versions this is not needed: a record that changes moves to what is still to be read.
 */
export class Walks {
  readonly #endpoint: Endpoint;
  readonly #saved: Cursor;
  readonly #countsPages: boolean;
  readonly #isInOrder: boolean;
  readonly since: string | undefined;
  readonly #limits: ReadonlySet<number> | undefined;
  #settled: Walk | undefined;
  #previous: { readonly walk: Walk; readonly digest: string } | undefined;
  #walks = 0;
  #agreed = false;

  /**
   * @param now milliseconds since the epoch
   * @param countsPages whether any page may be found by its number or offset
   * @param isInOrder whether the records come in the order of their versions
   */
  constructor(endpoint: Endpoint, saved: Cursor, now: number, countsPages: boolean, isInOrder = false) {
    this.#endpoint = endpoint;
    this.#countsPages = countsPages;
    this.#isInOrder = isInOrder;
    this.#saved = saved;
    this.since = new HighWaterMark(endpoint, saved.mark, now).since();
    this.#limits = endpoint.cut?.limits;
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
    // The earlier walk saw everything that existed when it began; the mark must not pass that moment.
    if (this.#previous?.digest === digest) {
      this.#settled = this.#previous.walk;
      this.#agreed = true;
    }
    this.#previous = { walk, digest };
    return this.#settled === undefined && this.#walks < MAX_WALKS;
  }

  /** Whether the mark cannot move, though there may be more than what was read. */
  get standsStill(): boolean {
    return (this.#limits !== undefined && this.#settled?.standsStill(this.#saved, this.#limits)) ?? false;
  }

  /** Whether the pages did not move while they were read. */
  get settled(): boolean {
    return this.#settled !== undefined;
  }

  /** The cursor that a walk has come to which is not over; undefined where records come in no order or have no version, and no place is told. */
  cursorWithin({ mark, place }: Walk): Cursor | undefined {
    const reached = this.#isInOrder ? mark.reached() : undefined;
    if (reached === undefined && place === undefined) return undefined;
    return {
      ...(reached === undefined ? {} : { mark: reached }),
      ...(place === undefined ? {} : { place }),
      validators: [],
    };
  }

  /** The cursor for the next run. */
  cursor(): Cursor {
    if (this.#settled === undefined) return { ...this.#saved, validators: [] };
    const { mark, validators, place = this.#saved.place } = this.#settled;
    const reached = mark.reached();
    if (reached === undefined) return place === undefined ? { validators } : { validators, place };
    const rest = { validators, ...(place === undefined ? {} : { place }) };
    if (mark.isTime || this.#isInOrder || this.#agreed || this.#settled.isOnePiece) return { mark: reached, ...rest };
    const behind = this.#saved.seen ?? this.#saved.mark;
    return { ...(behind === undefined ? {} : { mark: behind }), seen: reached, ...rest };
  }
}
