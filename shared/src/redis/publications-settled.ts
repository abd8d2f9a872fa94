import type { Redis } from 'ioredis';
import type { SettledNumbers } from './publication-numbers.js';
import { ENDED, type HeldOfQueue, holdingKey } from './publications-held.js';
import { redisPrefix } from './redis.js';

// How the producer learns that the broker has lost what it confirmed. Each message carries the publication that it belongs to
// and its number in there. The consumer sets a bit for each message that is settled, before it acknowledges it, and the producer
// notes how many messages of a publication were confirmed (publications.ts). What is confirmed, not settled, and neither in the
// queue nor held by a consumer, is lost. Bits are set once however often a message is delivered, so repeats hide nothing. A
// consumer that is killed hides nothing either: what it had not noted, it had not acknowledged, and it is delivered again.

export const settledKey = (pipeline: string, token: string, queue: string) =>
  `${redisPrefix(pipeline)}settled:${token}:${queue}`;

/** Milliseconds for which settled messages of a publication are remembered after the last of them. */
export const REMEMBERED = 7 * 24 * 60 * 60_000;

/**
 * Sets the bits of each run: the bytes at its ends are read and written again, and those between are written at once. So a run
 * costs three commands, however long it is. In a string of Redis, the first bit is the highest of the first byte.
 */
const NOTE = `
if ARGV[2] ~= '' then
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) .. ' ' .. ARGV[2])
end
local function byteAt(key, at)
  return string.byte(redis.call('GETRANGE', key, at, at)) or 0
end
local function set(key, first, last)
  local from, to = math.floor(first / 8), math.floor(last / 8)
  local head = bit.rshift(255, first % 8)
  local tail = bit.band(bit.lshift(255, 7 - last % 8), 255)
  if from == to then
    redis.call('SETRANGE', key, from, string.char(bit.bor(byteAt(key, from), bit.band(head, tail))))
  else
    redis.call('SETRANGE', key, from, string.char(bit.bor(byteAt(key, from), head)) ..
      string.rep('\\255', to - from - 1) .. string.char(bit.bor(byteAt(key, to), tail)))
  end
end
for i = 2, #KEYS do
  for first, last in string.gmatch(ARGV[i + 1], '(%d+)-(%d+)') do set(KEYS[i], tonumber(first), tonumber(last)) end
  redis.call('PEXPIRE', KEYS[i], ${REMEMBERED})
end
return 1`;

/** Where consumers note what they have settled, and how much they hold. */
export interface SettledNotes {
  /**
   * @param held by queue, what this consumer holds when all of `settled` is settled; undefined if what was noted before is new enough
   */
  note(
    consumer: string,
    held: Readonly<Record<string, HeldOfQueue>> | undefined,
    settled: readonly SettledNumbers[],
  ): Promise<void>;
  /** The consumer has ended, and holds nothing any more. */
  leave(consumer: string): Promise<void>;
}

export function redisSettledNotes(redis: Pick<Redis, 'eval'>, pipeline: string): SettledNotes {
  return {
    async note(consumer, held, settled) {
      const keys = [holdingKey(pipeline), ...settled.map(({ token, queue }) => settledKey(pipeline, token, queue))];
      const runs = settled.map((one) => one.runs.map(([first, last]) => `${first}-${last}`).join(','));
      await redis.eval(NOTE, keys.length, ...keys, consumer, held === undefined ? '' : JSON.stringify(held), ...runs);
    },
    async leave(consumer) {
      await redis.eval(NOTE, 1, holdingKey(pipeline), consumer, ENDED);
    },
  };
}
