import type { Endpoint } from '../endpoint.js';
import { earlierMark } from '../poll/mark.js';
import type { Place, Validator } from '../sources/port.js';

/** Where the last complete run of an endpoint stopped. */
export interface Cursor {
  /** The largest version seen; undefined before the first run and for endpoints that are not incremental. */
  readonly mark?: string;
  /** The largest version seen, if the mark must stay behind it for one run; see walks.ts. */
  readonly seen?: string;
  readonly validators: readonly Validator[];
  /** How far the source has read, in its own words; for sources that go by that and not by versions. */
  readonly place?: Place;
  /** How far the source had read when the broker lost some of it: everything is polled, also what is gone by now and kept elsewhere. */
  readonly lost?: Place;
  /** How many records the last answer held that stood alone; kept where it tells an answer that was cut (see limits.ts). */
  readonly answered?: number;
  /** How many it held at most, ever. */
  readonly most?: number;
  /**
   * True once a walk has looked for missing records. A cursor that was made void, because something may be lost, lacks it: then the
   * tombstones of before are published again.
   */
  readonly compared?: boolean;
  /** The part of the past that is still to be read, slice by slice; see slices.ts. Both are versions that are times. */
  readonly backfill?: { readonly from: string; readonly to: string };
}

/** What a run starts from. */
export interface Beginning {
  /** The number of the run, higher than any before; numbers may be skipped. */
  readonly run: number;
  /** Empty if none was saved, if it cannot be read, or if it was saved for other settings of the endpoint. */
  readonly cursor: Cursor;
  /** The latest time at which any run of the pipeline began, this one included, in milliseconds since the epoch. */
  readonly notBefore: number;
}

/**
 * Stores cursors between runs and restarts. Losing one costs a full poll, whose repeats the consumer drops. A cursor that is
 * too far ahead costs records, so `save` is called only after the broker has confirmed every record of a run.
 */
export interface CursorStore {
  /**
   * Begins a run.
   * @param now by our clock, in milliseconds since the epoch
   * @throws RetryableError if another producer holds the endpoint by now
   */
  begin(endpoint: Endpoint, now: number): Promise<Beginning>;
  /**
   * Notes that message ids of this time are about to be used: every run that begins from now on, of any producer, uses later ones only.
   * Otherwise ids would step back after the crash of a producer whose clock was ahead: what they name would count as older than what landed.
   * @param time milliseconds since the epoch
   */
  reached(time: number): Promise<void>;
  /** The cursor from which the next run would start. */
  peek(endpoint: Endpoint): Promise<Cursor>;
  /**
   * Replaces the cursor, unless it was reset since the run began.
   * @throws RetryableError if another producer holds the endpoint by now
   */
  save(endpoint: Endpoint, cursor: Cursor): Promise<void>;
  /**
   * Deletes the cursor, and ignores the one that a run in progress will save. The next run polls everything, or everything
   * since the mark. What of the past was still to be read slice by slice before that stays to be read.
   */
  reset(endpoint: Endpoint, mark?: string): Promise<void>;
  /** As `reset` of everything, where the broker has lost records: the place of before is still known, as `lost`. */
  lose(endpoint: Endpoint): Promise<void>;
  /**
   * Puts the place back from which the source goes on, and ignores the cursor that a run in progress will save.
   * @param back gives the place for that of now; the same if it finds none
   */
  goBack(endpoint: Endpoint, back: (place: Place) => Place): Promise<void>;
  /**
   * As `reset` to a mark, but never forward: an endpoint that has to be polled from an earlier mark, or in full (it was reset, or
   * the sink went back), is still polled so.
   */
  stepBack(endpoint: Endpoint, mark: string): Promise<void>;
}

export const EMPTY: Cursor = { validators: [] };

/** Cursors in memory, for one process: they are lost when it ends. */
export function memoryCursorStore(): CursorStore {
  const runs = new Map<string, number>();
  const cursors = new Map<string, string>();
  const resetSince = new Set<string>();
  let time = 0;
  return {
    async begin({ id, ...endpoint }, now) {
      const run = (runs.get(id) ?? 0) + 1;
      runs.set(id, run);
      time = Math.max(time, now);
      resetSince.delete(id);
      const saved = cursors.get(id);
      const cursor = saved === undefined ? EMPTY : decode(saved, { id, ...endpoint });
      return { run, cursor, notBefore: time };
    },
    async reached(used) {
      time = Math.max(time, used + 1);
    },
    async peek(endpoint) {
      const saved = cursors.get(endpoint.id);
      return saved === undefined ? EMPTY : decode(saved, endpoint);
    },
    async save(endpoint, cursor) {
      if (!resetSince.has(endpoint.id)) cursors.set(endpoint.id, encode(cursor, endpoint));
    },
    async reset(endpoint, mark) {
      resetSince.add(endpoint.id);
      if (mark === undefined) cursors.delete(endpoint.id);
      else cursors.set(endpoint.id, encode(resetTo(mark, decode(cursors.get(endpoint.id) ?? '', endpoint)), endpoint));
    },
    async goBack(endpoint, back) {
      resetSince.add(endpoint.id);
      const cursor = wentBack(decode(cursors.get(endpoint.id) ?? '', endpoint), back);
      if (cursor === undefined) cursors.delete(endpoint.id);
      else cursors.set(endpoint.id, encode(cursor, endpoint));
    },
    async lose(endpoint) {
      const { id } = endpoint;
      resetSince.add(id);
      const begin = lostAt(decode(cursors.get(id) ?? '', endpoint));
      if (begin === undefined) cursors.delete(id);
      else cursors.set(id, encode(begin, endpoint));
    },
    async stepBack(endpoint, mark) {
      const { id } = endpoint;
      resetSince.add(id);
      const back = steppedBack(endpoint, mark, decode(cursors.get(id) ?? '', endpoint));
      if (back === undefined) cursors.delete(id);
      else cursors.set(id, encode(back, endpoint));
    },
  };
}

/** The cursor of an endpoint that is reset to a mark. */
export function resetTo(mark: string, { backfill }: Cursor): Cursor {
  if (backfill === undefined) return { mark, validators: [] };
  const from = Date.parse(mark) < Date.parse(backfill.from) ? mark : backfill.from;
  return { mark, validators: [], backfill: { ...backfill, from } };
}

/** The cursor with another place; undefined if it has none, so that everything has to be brought. */
export const wentBack = (cursor: Cursor, back: (place: Place) => Place): Cursor | undefined =>
  cursor.place === undefined ? undefined : { ...cursor, place: back(cursor.place) };

/** The cursor of an endpoint of which records were lost; undefined if there is nothing to know of its place. */
export function lostAt({ place, lost = place }: Cursor): Cursor | undefined {
  // Of what was lost before and is not read again yet, the later place may know less.
  return lost === undefined ? undefined : { validators: [], lost };
}

/** The cursor of an endpoint that steps back to a mark; undefined if everything has to be polled. */
export function steppedBack(endpoint: Endpoint, mark: string, cursor: Cursor): Cursor | undefined {
  return cursor.mark === undefined ? undefined : resetTo(earlierMark(endpoint, mark, cursor.mark), cursor);
}

/** A cursor as text, to be stored. */
export function encode(cursor: Cursor, { fingerprint }: Endpoint): string {
  return JSON.stringify({ fingerprint, ...cursor });
}

/** The cursor in a stored text. Text that is not a cursor of these settings counts as none: a full poll is always correct. */
export function decode(text: string, { fingerprint }: Endpoint): Cursor {
  let saved: Partial<Record<'fingerprint' | keyof Cursor, unknown>> | null;
  try {
    saved = JSON.parse(text);
  } catch {
    return EMPTY;
  }
  if (saved?.fingerprint !== fingerprint || !Array.isArray(saved.validators)) return EMPTY;
  const validators = saved.validators.filter(isObject);
  const { mark, seen, place, lost, answered, most, compared, backfill } = saved;
  return {
    ...(typeof mark === 'string' ? { mark } : {}),
    ...(typeof seen === 'string' ? { seen } : {}),
    ...(isObject(place) ? { place } : {}),
    ...(isObject(lost) ? { lost } : {}),
    ...(typeof answered === 'number' ? { answered } : {}),
    ...(typeof most === 'number' ? { most } : {}),
    ...(compared === true ? { compared } : {}),
    ...(isBackfill(backfill) ? { backfill } : {}),
    validators,
  };
}

/** Only the source can tell whether an object is a validator or a place of its own. */
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

function isBackfill(value: unknown): value is NonNullable<Cursor['backfill']> {
  const { from, to } = (value ?? {}) as { from?: unknown; to?: unknown };
  return typeof from === 'string' && typeof to === 'string';
}
