import type { Endpoint } from '../endpoint.js';
import type { Validator } from '../sources/port.js';

/** Where the last complete run of an endpoint left off. */
export interface Cursor {
  /** The largest version seen; undefined before the first run and for endpoints that are not incremental. */
  readonly mark?: string;
  /** The largest version seen, where the mark must stay behind it for a run; see walks.ts. */
  readonly seen?: string;
  readonly validators: readonly Validator[];
}

/** What a run begins with. */
export interface Beginning {
  /** One higher than any before (a number may be left out). */
  readonly run: number;
  /** Empty if there is none, if it cannot be read, or if it was saved for other settings of the endpoint. */
  readonly cursor: Cursor;
  /** The latest time that any run of the pipeline has begun at, this one included, in milliseconds since the epoch. */
  readonly notBefore: number;
}

/**
 * Keeps cursors between runs and restarts. Losing one costs a full poll, whose repeats the consumer drops; keeping one
 * too far ahead costs records, so `save` is called only when every record of a run is confirmed by the broker.
 */
export interface CursorStore {
  /**
   * Begins a run at this time, by our clock, in milliseconds since the epoch.
   * @throws RetryableError if the endpoint is another producer's by now
   */
  begin(endpoint: Endpoint, now: number): Promise<Beginning>;
  /** The cursor that the next run would begin with. */
  peek(endpoint: Endpoint): Promise<Cursor>;
  /**
   * Replaces the cursor, unless it was reset since the run began.
   * @throws RetryableError if the endpoint is another producer's by now
   */
  save(endpoint: Endpoint, cursor: Cursor): Promise<void>;
  /**
   * Forgets the cursor, also the one that a run going on now will save: the next run polls everything, or everything
   * since the mark.
   */
  reset(endpoint: Endpoint, mark?: string): Promise<void>;
}

export const EMPTY: Cursor = { validators: [] };

/** Cursors in memory: for dry runs and tests. */
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
      else cursors.set(endpoint.id, encode({ mark, validators: [] }, endpoint));
    },
  };
}

/** A cursor as it is kept. */
export function encode(cursor: Cursor, { fingerprint }: Endpoint): string {
  return JSON.stringify({ fingerprint, ...cursor });
}

/** Anything that is not a cursor of these settings counts as none: a full poll is always right. */
export function decode(text: string, { fingerprint }: Endpoint): Cursor {
  let saved: { fingerprint?: unknown; mark?: unknown; seen?: unknown; validators?: unknown } | null;
  try {
    saved = JSON.parse(text);
  } catch {
    return EMPTY;
  }
  if (saved?.fingerprint !== fingerprint || !Array.isArray(saved.validators)) return EMPTY;
  const validators = saved.validators.filter(isObject);
  const { mark, seen } = saved;
  return {
    ...(typeof mark === 'string' ? { mark } : {}),
    ...(typeof seen === 'string' ? { seen } : {}),
    validators,
  };
}

/** Whether it is one, only its source can tell. */
const isObject = (value: unknown): value is Validator => typeof value === 'object' && value !== null;
