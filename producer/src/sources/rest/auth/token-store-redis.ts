import { randomUUID } from 'node:crypto';
import { type Clock, describeError, interruptible, type Logger, redisPrefix } from '@tributary/shared';
import type { Redis } from 'ioredis';
import type { Seal } from './seal.js';
import type { KeptToken, TokenStore } from './token-store.js';

/** A lock is free this long, in milliseconds, after the producer that held it has died. */
const LOCK_LENGTH = 15_000;
const LOCK_RENEWED_EVERY = 5_000;
const LOOK_EVERY = 100;
const UNLOCK_WITHIN = 1_000;

/**
 * A command whose answer was lost is sent again, so the holder may take its own lock again. A lock that lasts longer than locks do
 * was taken before the clock of Redis was set back: it lasts its length from now on, and its holder renews it.
 */
const LOCK = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

const UNLOCK = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`;

/** A producer that was suspended for longer than its lock lasted must not write over what another has stored. */
const SAVE = `
local now = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if now ~= ARGV[2] and now ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;

export interface RedisTokenStoreOptions {
  readonly redis: Redis;
  readonly pipeline: string;
  /** Made when it is needed, since that takes a while. */
  seal(): Seal;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Tokens in a hash of Redis, `tokens`, encrypted; while one is renewed, `token-lock:<family>` keeps other producers from it. */
export function redisTokenStore({ redis, pipeline, seal: makeSeal, clock, log }: RedisTokenStoreOptions): TokenStore {
  const key = `${redisPrefix(pipeline)}tokens`;
  let made: Seal | undefined;
  const seal = (): Seal => {
    made ??= makeSeal();
    return made;
  };
  /** Tokens that Redis did not take. They must not be lost while this process runs. */
  const unsaved = new Map<string, KeptToken>();

  const read = async (name: string): Promise<{ readonly sealed: string; readonly token: KeptToken | undefined }> => {
    const sealed = (await redis.hget(key, name)) ?? '';
    const text = sealed === '' ? undefined : seal().open(sealed, name);
    if (sealed !== '' && text === undefined) {
      log.warn({ key }, 'a token in Redis cannot be read; was it written with another TRIBUTARY_SECRET?');
    }
    const token = unsaved.get(name) ?? (text === undefined ? undefined : (JSON.parse(text) as KeptToken));
    return { sealed, token };
  };

  const save = async (name: string, before: string, token: KeptToken): Promise<KeptToken> => {
    unsaved.set(name, token);
    try {
      const saved = await redis.eval(SAVE, 1, key, name, before, seal().close(JSON.stringify(token), name));
      unsaved.delete(name);
      return saved === 1 ? token : ((await read(name)).token ?? token);
    } catch (error) {
      const reason = describeError(error);
      log.error(
        { reason },
        'a new token could not be stored in Redis; it is lost if this process ends before it can be',
      );
      return token;
    }
  };

  /** Holds the lock while the work goes on. */
  const locked = async <T>(name: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const lock = `${redisPrefix(pipeline)}token-lock:${name}`;
    const me = randomUUID();
    const take = () => redis.eval(LOCK, 1, lock, me, LOCK_LENGTH);
    const done = new AbortController();
    try {
      while ((await interruptible(take(), signal)) !== 1) {
        await clock.sleep(LOOK_EVERY, signal);
        signal.throwIfAborted();
      }
      const renewing = (async () => {
        while (!done.signal.aborted) {
          await clock.sleep(LOCK_RENEWED_EVERY, done.signal);
          if (!done.signal.aborted) await take().catch(() => {});
        }
      })();
      const result = await work();
      done.abort();
      await renewing;
      return result;
    } finally {
      done.abort();
      // If Redis is away, the lock ends by itself.
      await interruptible(redis.eval(UNLOCK, 1, lock, me), AbortSignal.timeout(UNLOCK_WITHIN)).catch(() => {});
    }
  };

  return {
    lasts: true,
    async load(family) {
      return (await read(seal().nameOf(family))).token;
    },
    async renew(family, work, signal) {
      const name = seal().nameOf(family);
      return await locked(
        name,
        async () => {
          const { sealed, token } = await read(name);
          const next = await work(token);
          return next === token && !unsaved.has(name) ? next : await save(name, sealed, next);
        },
        signal,
      );
    },
  };
}
