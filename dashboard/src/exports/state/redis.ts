import { type Redis, redisPrefix } from '@tributary/shared';
import { type CurrentRun, type ExportState, type PastRun, REMEMBERED } from './port.js';

/** The answer may get lost with the connection, and the script be sent again: it gives the same result. */
const HOLD = `
local held = redis.call('GET', KEYS[1])
if held and cjson.decode(held).token ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

const RELEASE = `
local held = redis.call('GET', KEYS[1])
if held and cjson.decode(held).token == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`;

const NOTE = `
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[3])
return 1`;

/**
 * In Redis: a string `export-lease:NAME` that expires, and a sorted set `export-runs:NAME`.
 * @param check throws, without waiting, while Redis is away
 */
export function redisExportState(redis: Redis, pipeline: string, check: () => void): ExportState {
  const key = (kind: string, name: string) => `${redisPrefix(pipeline)}export-${kind}:${name}`;
  return {
    async hold(name, current, milliseconds) {
      check();
      const given = await redis.eval(HOLD, 1, key('lease', name), current.token, JSON.stringify(current), milliseconds);
      return given === 1;
    },
    async release(name, token) {
      check();
      await redis.eval(RELEASE, 1, key('lease', name), token);
    },
    async current(name) {
      check();
      const held = await redis.get(key('lease', name));
      return held === null ? undefined : (JSON.parse(held) as CurrentRun);
    },
    async note(name, run) {
      check();
      await redis.eval(NOTE, 1, key('runs', name), Date.parse(run.begunAt), JSON.stringify(run), REMEMBERED);
    },
    async past(name) {
      check();
      const found = await redis.zrevrange(key('runs', name), 0, -1);
      return found.map((text) => JSON.parse(text) as PastRun);
    },
  };
}
