import { redisPrefix } from '@tributary/shared';
import type { Redis } from 'ioredis';
import type { AskedAction, LeaseTable } from './table.js';

const NOW = `local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)
local text = function(number) return string.format('%.0f', number) end`;

/**
 * What ends further ahead than it is long (all producers ask for the same length) began before this server's clock was set
 * back. It lasts its length from now on: a producer that lives renews it, and the endpoints of a dead one do not wait until
 * the clock has caught up.
 */
const BOUND = `if expires > now + tonumber(ARGV[2]) then
    expires = now + tonumber(ARGV[2])`;

const ANNOUNCE = `${NOW}
local latest = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[4]))
redis.call('SET', KEYS[2], text(latest))
redis.call('HSET', KEYS[1], ARGV[1], text(now + ARGV[2]) .. ' ' .. ARGV[3])
local living = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local expires, endpoints = string.match(all[i + 1], '^(%d+) (.*)$')
  expires = tonumber(expires)
  ${BOUND}
    redis.call('HSET', KEYS[1], all[i], text(expires) .. ' ' .. endpoints)
  end
  if expires > now then
    living[#living + 1] = all[i]
    living[#living + 1] = endpoints
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return living`;

/**
 * An entry is "fence expires holder". It stays when it has expired, so that fences only grow. Redis may be emptied, so a
 * fence begins with the time.
 */
const CLAIM = `${NOW}
local answer = {}
for i = 3, #ARGV, 2 do
  local endpoint, wanted = ARGV[i], ARGV[i + 1] == '1'
  local fence, expires, holder = string.match(redis.call('HGET', KEYS[1], endpoint) or '0 0 ', '^(%d+) (%d+) (.*)$')
  fence, expires = tonumber(fence), tonumber(expires)
  ${BOUND}
    redis.call('HSET', KEYS[1], endpoint, text(fence) .. ' ' .. text(expires) .. ' ' .. holder)
  end
  local taken = expires > now
  local mine = taken and holder == ARGV[1]
  if wanted and not taken then
    fence, holder, taken, mine = math.max(fence + 1, now), ARGV[1], true, true
  end
  if mine then
    local length = wanted and tonumber(ARGV[2]) or 0
    redis.call('HSET', KEYS[1], endpoint, text(fence) .. ' ' .. text(now + length) .. ' ' .. holder)
    taken, mine = wanted, wanted
  end
  answer[#answer + 1] = mine and text(fence) or ''
  answer[#answer + 1] = taken and holder or ''
  answer[#answer + 1] = redis.call('HGET', KEYS[2], endpoint) or ''
  local asked = mine and redis.call('HGET', KEYS[3], endpoint) or ''
  if asked ~= '' then redis.call('HDEL', KEYS[3], endpoint) end
  answer[#answer + 1] = asked
end
return answer`;

const LEAVE = `
redis.call('HDEL', KEYS[1], ARGV[1])
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  local fence, holder = string.match(all[i + 1], '^(%d+) %d+ (.*)$')
  if holder == ARGV[1] then redis.call('HSET', KEYS[2], all[i], fence .. ' 0 ') end
end
return 1`;

/** The table in Redis: hashes `producers`, `leases`, `paused` and `asked`, and `time`, which the cursor store uses too. */
export function redisLeaseTable(redis: Redis, pipeline: string): LeaseTable {
  const key = (name: string) => `${redisPrefix(pipeline)}${name}`;
  return {
    async announce(me, endpoints, length, now) {
      const args = [me, length, endpoints.join(','), now];
      const flat = (await redis.eval(ANNOUNCE, 2, key('producers'), key('time'), ...args)) as string[];
      const living = new Map<string, string[]>();
      for (let index = 0; index < flat.length; index += 2) {
        living.set(flat[index] ?? '', (flat[index + 1] ?? '').split(',').filter(Boolean));
      }
      return living;
    },
    async claim(me, wishes, length) {
      const args = [...wishes].flatMap(([endpoint, wanted]) => [endpoint, wanted ? 1 : 0]);
      const keys = [key('leases'), key('paused'), key('asked')];
      const flat = (await redis.eval(CLAIM, keys.length, ...keys, me, length, ...args)) as string[];
      return new Map(
        [...wishes.keys()].map((endpoint, index) => {
          const [fence = '', holder = '', paused = '', asked = ''] = flat.slice(index * 4);
          return [
            endpoint,
            {
              fence: fence === '' ? undefined : Number(fence),
              holder: holder === '' ? undefined : holder,
              paused: paused !== '',
              asked: asked === '' ? undefined : (asked as AskedAction),
            },
          ];
        }),
      );
    },
    async leave(me) {
      await redis.eval(LEAVE, 2, key('producers'), key('leases'), me);
    },
    async pause(endpoint, paused) {
      if (paused) await redis.hset(key('paused'), endpoint, '1');
      else await redis.hdel(key('paused'), endpoint);
    },
    async ask(endpoint, action) {
      await redis.hset(key('asked'), endpoint, action);
    },
  };
}
