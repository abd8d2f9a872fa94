import { redisPrefix, sinkGenerationKey } from '@tributary/shared';
import type { Redis } from 'ioredis';
import type { Endpoint } from './endpoint.js';

/** What makes a request conditional: what the API said about a URL when it was last read (RFC 9110, section 8.8). */
export interface Validator {
  readonly url: string;
  readonly etag?: string;
  readonly lastModified?: string;
  /** The page that followed. A 304 has no body to find it in. */
  readonly next?: string;
}

/** Where the last complete run of an endpoint left off. */
export interface Cursor {
  /** The largest version seen; undefined before the first run and for endpoints that are not incremental. */
  readonly mark?: string;
  readonly validators: readonly Validator[];
}

/**
 * Keeps cursors between runs and restarts. Losing one costs a full poll, whose repeats the consumer drops; keeping one
 * too far ahead costs records, so `save` is called only when every record of a run is confirmed by the broker.
 */
export interface CursorStore {
  /**
   * Begins a run: its number, one higher than any before (a number may be left out), and where to go on. The cursor is
   * empty if there is none, if it cannot be read, or if it was saved for other settings of the endpoint.
   */
  begin(endpoint: Endpoint): Promise<{ readonly run: number; readonly cursor: Cursor }>;
  /** Replaces the cursor. */
  save(endpoint: Endpoint, cursor: Cursor): Promise<void>;
}

const EMPTY: Cursor = { validators: [] };

/** A run that began for an earlier sink says nothing about what the present one holds: its cursor is not kept. */
const SAVE = "if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then redis.call('SET', KEYS[2], ARGV[2]) end return 1";

/**
 * Cursors in Redis: `run:<endpoint>` counts the runs, `cursor:<endpoint>` holds the cursor as JSON, with the generation of
 * the sink that it was saved for.
 */
export function redisCursorStore(redis: Redis, pipeline: string): CursorStore {
  const prefix = redisPrefix(pipeline);
  const generationKey = sinkGenerationKey(pipeline);
  const generations = new Map<string, string>();
  return {
    async begin(endpoint) {
      const generation = (await redis.get(generationKey)) ?? '';
      generations.set(endpoint.id, generation);
      // A counter whose answer was lost with the connection is counted again; a gap in the numbers harms nobody.
      const run = await redis.incr(`${prefix}run:${endpoint.id}`);
      const saved = await redis.get(`${prefix}cursor:${endpoint.id}`);
      return {
        run,
        cursor: saved === null ? EMPTY : decode(saved, { ...endpoint, fingerprint: of(endpoint, generation) }),
      };
    },
    async save(endpoint, cursor) {
      const generation = generations.get(endpoint.id) ?? '';
      const text = encode(cursor, { ...endpoint, fingerprint: of(endpoint, generation) });
      await redis.eval(SAVE, 2, generationKey, `${prefix}cursor:${endpoint.id}`, generation, text);
    },
  };
}

const of = ({ fingerprint }: Endpoint, generation: string): string => `${fingerprint} ${generation}`;

/** Cursors in memory: for dry runs and tests. */
export function memoryCursorStore(): CursorStore {
  const runs = new Map<string, number>();
  const cursors = new Map<string, string>();
  return {
    async begin({ id, ...endpoint }) {
      const run = (runs.get(id) ?? 0) + 1;
      runs.set(id, run);
      const saved = cursors.get(id);
      return { run, cursor: saved === undefined ? EMPTY : decode(saved, { id, ...endpoint }) };
    },
    async save(endpoint, cursor) {
      cursors.set(endpoint.id, encode(cursor, endpoint));
    },
  };
}

function encode(cursor: Cursor, { fingerprint }: Endpoint): string {
  return JSON.stringify({ fingerprint, ...cursor });
}

/** Anything that is not a cursor of these settings counts as none: a full poll is always right. */
function decode(text: string, { fingerprint }: Endpoint): Cursor {
  let saved: { fingerprint?: unknown; mark?: unknown; validators?: unknown } | null;
  try {
    saved = JSON.parse(text);
  } catch {
    return EMPTY;
  }
  if (saved?.fingerprint !== fingerprint || !Array.isArray(saved.validators)) return EMPTY;
  const validators = saved.validators.filter(isValidator);
  return typeof saved.mark === 'string' ? { mark: saved.mark, validators } : { validators };
}

function isValidator(value: unknown): value is Validator {
  const { url, etag, lastModified, next } = (value ?? {}) as Record<string, unknown>;
  const optionalText = (field: unknown) => field === undefined || typeof field === 'string';
  return typeof url === 'string' && [etag, lastModified, next].every(optionalText);
}
