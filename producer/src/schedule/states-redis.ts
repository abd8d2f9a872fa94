import { redisPrefix, sinkGenerationKey } from '@tributary/shared';
import type { Redis } from 'ioredis';
import type { Endpoint } from '../endpoint.js';
import { decodeState, type StateStore } from './states.js';

/** In a hash of Redis, `states`: JSON by endpoint. */
export function redisStateStore(redis: Redis, pipeline: string): StateStore {
  const key = `${redisPrefix(pipeline)}states`;
  const settingsOf = async ({ fingerprint }: Endpoint) =>
    `${fingerprint} ${(await redis.get(sinkGenerationKey(pipeline))) ?? ''}`;
  return {
    async load(endpoint) {
      const [text, settings] = await Promise.all([redis.hget(key, endpoint.id), settingsOf(endpoint)]);
      return text === null ? undefined : decodeState(text, settings);
    },
    async save(endpoint, state) {
      await redis.hset(key, endpoint.id, JSON.stringify({ ...state, settings: await settingsOf(endpoint) }));
    },
  };
}
