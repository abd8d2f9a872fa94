import type { Redis } from 'ioredis';
import { redisPrefix } from './redis.js';

// How the producer learns that the broker has lost what it confirmed. Each message carries the publication that it belongs to
// and its number in there. The consumer sets a bit for each message that is settled, before it acknowledges it, and the producer
// notes how many messages of a publication were confirmed (publications.ts). What is confirmed, not settled, and neither in the
// queue nor held by a consumer, is lost. Bits are set once however often a message is delivered, so repeats hide nothing. A
// consumer that is killed hides nothing either: what it had not noted, it had not acknowledged, and it is delivered again.

/**
 * Names the publication of a message and its number in it: `5f3a…/17`. The records of a pack have numbers that follow each other:
 * `5f3a…/17+100` has 100 from 17.
 */
export const PUBLICATION_HEADER = 'publication';

/** Numbers are below this, so that a message of another program cannot make Redis hold a large map. */
export const MOST_NUMBERED = 2 ** 24;

const TOKEN_LENGTH = 16;

/** The publication and the numbers in a header; undefined if it is not one. */
export function readPublication(header: unknown): { readonly token: string; readonly numbers: NumberRun } | undefined {
  if (typeof header !== 'string') return undefined;
  const numbers = readNumbers(header);
  const token = header.slice(0, TOKEN_LENGTH);
  return numbers === undefined || !/^[0-9a-f]{16}$/.test(token) ? undefined : { token, numbers };
}

/** The numbers behind the token; undefined if there are none. */
function readNumbers(header: string): NumberRun | undefined {
  if (header.charCodeAt(TOKEN_LENGTH) !== SLASH) return undefined;
  const plus = header.indexOf('+', TOKEN_LENGTH);
  const first = readDigits(header, TOKEN_LENGTH + 1, plus === -1 ? header.length : plus);
  const count = plus === -1 ? 1 : readDigits(header, plus + 1, header.length);
  if (first === undefined || count === undefined || count === 0 || first + count > MOST_NUMBERED) return undefined;
  return [first, first + count - 1];
}

const SLASH = 47;
const ZERO = 48;
const MOST_DIGITS = 8;

/** Read digit by digit, because it is done for each message. */
function readDigits(text: string, from: number, to: number): number | undefined {
  if (to <= from || to - from > MOST_DIGITS) return undefined;
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number;
}

/** A run of numbers: the first and the last. */
export type NumberRun = [first: number, last: number];

/** Numbers of one publication that were settled on one queue, in runs. They may overlap. */
export interface SettledNumbers {
  readonly token: string;
  readonly queue: string;
  readonly runs: readonly NumberRun[];
}

/** Gathers the numbers of the messages of one queue that are settled. */
export class SettledOfQueue {
  readonly #queue: string;
  #gathered = new Map<string, NumberRun[]>();
  #token = '';
  #runs: NumberRun[] = [];

  constructor(queue: string) {
    this.#queue = queue;
  }

  /** @returns whether the message is numbered */
  add(header: unknown): boolean {
    if (typeof header !== 'string') return false;
    const numbers = readNumbers(header);
    if (numbers === undefined) return false;
    // Messages that follow each other are mostly of one publication, and have numbers that follow each other.
    if (this.#token === '' || !header.startsWith(this.#token)) {
      const publication = readPublication(header);
      if (publication === undefined) return false;
      this.#turnTo(publication.token);
    }
    const last = this.#runs.at(-1);
    if (last !== undefined && numbers[0] === last[1] + 1) last[1] = numbers[1];
    else this.#runs.push(numbers);
    return true;
  }

  #turnTo(token: string): void {
    this.#token = token;
    this.#runs = this.#gathered.get(token) ?? [];
    this.#gathered.set(token, this.#runs);
  }

  /** What was gathered since the last call. */
  take(): SettledNumbers[] {
    const taken = [...this.#gathered].map(([token, runs]) => ({ token, queue: this.#queue, runs: joined(runs) }));
    this.#gathered = new Map();
    this.#token = '';
    return taken;
  }

  /** Takes back what could not be noted. */
  giveBack({ token, runs }: SettledNumbers): void {
    this.#turnTo(token);
    this.#runs.push(...runs);
  }
}

/** As few runs as possible of the same numbers. */
function joined(runs: readonly NumberRun[]): readonly NumberRun[] {
  if (runs.length < 2) return runs;
  const fewer: NumberRun[] = [];
  for (const [first, last] of runs.toSorted((a, b) => a[0] - b[0])) {
    const before = fewer.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else fewer.push([first, last]);
  }
  return fewer;
}

export const settledKey = (pipeline: string, token: string, queue: string) =>
  `${redisPrefix(pipeline)}settled:${token}:${queue}`;
export const holdingKey = (pipeline: string) => `${redisPrefix(pipeline)}holding`;

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

/**
 * Beside the deliveries that a consumer holds of a queue: for how many milliseconds it has held the oldest. It is noted as the queues are,
 * under a name that no queue has.
 */
export const oldestOf = (queue: string): string => `oldest of \n${queue}`;

/** Where consumers note what they have settled, and how much they hold. */
export interface SettledNotes {
  /**
   * @param held by queue, the deliveries that this consumer has not settled; see also {@link oldestOf}. Undefined if what was noted before
   *   is new enough
   */
  note(
    consumer: string,
    held: Readonly<Record<string, number>> | undefined,
    settled: readonly SettledNumbers[],
  ): Promise<void>;
  /** The consumer holds nothing any more. */
  leave(consumer: string): Promise<void>;
}

export function redisSettledNotes(redis: Pick<Redis, 'eval' | 'hdel'>, pipeline: string): SettledNotes {
  return {
    async note(consumer, held, settled) {
      const keys = [holdingKey(pipeline), ...settled.map(({ token, queue }) => settledKey(pipeline, token, queue))];
      const runs = settled.map((one) => one.runs.map(([first, last]) => `${first}-${last}`).join(','));
      await redis.eval(NOTE, keys.length, ...keys, consumer, held === undefined ? '' : JSON.stringify(held), ...runs);
    },
    async leave(consumer) {
      await redis.hdel(holdingKey(pipeline), consumer);
    },
  };
}
