import { cursorKey, cursorResetsKey, RetryableError, redisPrefix, sinkGenerationKey } from '@tributary/shared';
import type { Redis } from 'ioredis';
import type { Endpoint } from '../endpoint.js';
import {
  type Cursor,
  type CursorStore,
  decode,
  EMPTY,
  encode,
  lostAt,
  resetTo,
  steppedBack,
  wentBack,
} from './cursor.js';

/** A producer that was suspended, and lost its lease to another meanwhile, must not change cursors. */
const FENCED = `
local fence = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+)') or ''
if ARGV[2] ~= '' and ARGV[2] ~= fence then return false end
local void = (redis.call('GET', KEYS[2]) or '') .. ' ' .. (redis.call('GET', KEYS[3]) or '')`;

const BEGIN = `${FENCED}
local time = math.max(tonumber(redis.call('GET', KEYS[6]) or '0'), tonumber(ARGV[3]))
redis.call('SET', KEYS[6], string.format('%.0f', time))
return { redis.call('INCR', KEYS[5]), redis.call('GET', KEYS[4]) or '', void, string.format('%.0f', time) }`;

const REACHED = `
if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return 1`;

/**
 * The cursor of a run is not saved if the sink changed since it began, because it says nothing about what the new sink holds;
 * nor if the cursor was reset, because that would undo the reset.
 */
const SAVE = `${FENCED}
if void == ARGV[3] then redis.call('SET', KEYS[4], ARGV[4]) end
return 1`;

/**
 * Cursors in Redis: `run:<endpoint>` counts the runs, `reset:<endpoint>` counts the resets, `cursor:<endpoint>` holds the
 * cursor as JSON, with the generation of the sink that it was saved for, and `time` is the time of the latest run, or behind
 * the latest message id, if that is later.
 *
 * @param fenceOf the number of the lease under which an endpoint is polled, 0 if it is lost; undefined if no lease is needed
 */
export function redisCursorStore(
  redis: Redis,
  pipeline: string,
  fenceOf: (endpoint: string) => number | undefined = () => undefined,
): CursorStore {
  const prefix = redisPrefix(pipeline);
  const generationKey = sinkGenerationKey(pipeline);
  const begun = new Map<string, { readonly madeVoidBy: string; readonly fence: number | '' }>();
  const keysOf = (id: string) => [
    `${prefix}leases`,
    generationKey,
    cursorResetsKey(pipeline, id),
    cursorKey(pipeline, id),
  ];
  const stored = (endpoint: Endpoint, madeVoidBy: string): Endpoint => ({
    ...endpoint,
    fingerprint: `${endpoint.fingerprint} ${madeVoidBy}`,
  });
  /** @param make the new cursor, of the present one; without a new one, everything is polled */
  const replace = async (endpoint: Endpoint, make: (cursor: Cursor) => Cursor | undefined) => {
    const [, , resets = '', key = ''] = keysOf(endpoint.id);
    // From here on a run in progress can save nothing.
    const count = await redis.incr(resets);
    const [saved, sink] = await redis.mget(key, generationKey);
    const storedAfter = (resetsBefore: number) => stored(endpoint, `${sink ?? ''} ${resetsBefore || ''}`);
    const cursor = make(decode(saved ?? '', storedAfter(count - 1)));
    if (cursor !== undefined) await redis.set(key, encode(cursor, storedAfter(count)));
  };
  return {
    async begin(endpoint, now) {
      const keys = [...keysOf(endpoint.id), `${prefix}run:${endpoint.id}`, `${prefix}time`];
      // If the answer is lost with the connection, the run is counted twice. A gap in the numbers does no harm.
      const fence = fenceOf(endpoint.id) ?? '';
      const answer = await redis.eval(BEGIN, keys.length, ...keys, endpoint.id, fence, now);
      if (answer === null) throw notOurs(endpoint);
      const [run, saved, madeVoidBy, time] = answer as [number, string, string, string];
      begun.set(endpoint.id, { madeVoidBy, fence });
      const cursor = saved === '' ? EMPTY : decode(saved, stored(endpoint, madeVoidBy));
      return { run, cursor, notBefore: Number(time) };
    },
    async reached(time) {
      await redis.eval(REACHED, 1, `${prefix}time`, time + 1);
    },
    async peek(endpoint) {
      const [, generation = '', resets = '', key = ''] = keysOf(endpoint.id);
      const [saved, sink, count] = await redis.mget(key, generation, resets);
      return saved ? decode(saved, stored(endpoint, `${sink ?? ''} ${count ?? ''}`)) : EMPTY;
    },
    async save(endpoint, cursor) {
      const { madeVoidBy, fence } = begun.get(endpoint.id) ?? { madeVoidBy: ' ', fence: '' };
      const text = encode(cursor, stored(endpoint, madeVoidBy));
      const keys = keysOf(endpoint.id);
      const answer = await redis.eval(SAVE, keys.length, ...keys, endpoint.id, fence, madeVoidBy, text);
      if (answer === null) throw notOurs(endpoint);
    },
    async reset(endpoint, mark) {
      await replace(endpoint, (cursor) => (mark === undefined ? undefined : resetTo(mark, cursor)));
    },
    async goBack(endpoint, back) {
      await replace(endpoint, (cursor) => wentBack(cursor, back));
    },
    async lose(endpoint) {
      await replace(endpoint, lostAt);
    },
    async stepBack(endpoint, mark) {
      await replace(endpoint, (cursor) => steppedBack(endpoint, mark, cursor));
    },
  };
}

const notOurs = ({ id }: Endpoint): RetryableError =>
  new RetryableError('lease_lost', `${id}: another producer polls it by now, and fetches again what was fetched here`);
