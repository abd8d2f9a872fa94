import type { Redis } from 'ioredis';
import { redisPrefix } from './redis.js';

// How the producer learns that the broker has lost what it confirmed. Each message carries the publication that it belongs to
// (a part of a run) and its number in there. The consumer sets a bit for each message that is settled, and the producer notes
// how many messages of a publication were confirmed. What is confirmed, not settled, and neither in the queue nor held by a
// consumer, is lost. Bits are set once however often a message is delivered, so repeats hide nothing.

/** Names the publication of a message and its number in it: `5f3a…/17`. */
export const PUBLICATION_HEADER = 'publication';

/** Numbers are below this, so that a message of another program cannot make Redis hold a large map. */
export const MOST_NUMBERED = 2 ** 24;

/** The publication and the number in a header; undefined if it is not one. */
export function readPublication(header: unknown): { readonly token: string; readonly number: number } | undefined {
  const [, token, digits] = (typeof header === 'string' ? /^([0-9a-f]{16})\/(\d{1,8})$/.exec(header) : null) ?? [];
  const number = Number(digits);
  return token === undefined || number >= MOST_NUMBERED ? undefined : { token, number };
}

const settledKey = (pipeline: string, token: string, queue: string) =>
  `${redisPrefix(pipeline)}settled:${token}:${queue}`;
const holdingKey = (pipeline: string) => `${redisPrefix(pipeline)}holding`;
const publicationsKey = (pipeline: string) => `${redisPrefix(pipeline)}publications`;

/** Milliseconds for which settled messages of a publication are remembered after the last of them. */
const REMEMBERED = 7 * 24 * 60 * 60_000;

/** Milliseconds after which a consumer that says nothing is taken as gone, and after which it is forgotten. */
const FRESH = 5_000;
const FORGOTTEN = 10 * 60_000;

const NOTE = `
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) .. ' ' .. ARGV[2])
for i = 2, #KEYS do
  for from, to in string.gmatch(ARGV[i + 1], '(%d+)-(%d+)') do
    for n = tonumber(from), tonumber(to) do redis.call('SETBIT', KEYS[i], n, 1) end
  end
  redis.call('PEXPIRE', KEYS[i], ${REMEMBERED})
end
return 1`;

/** Numbers of one publication that were settled on one queue. */
export interface SettledNumbers {
  readonly token: string;
  readonly queue: string;
  readonly numbers: readonly number[];
}

/**
 * Beside the deliveries that a consumer holds of a queue: for how many milliseconds it has held the oldest. It is noted as the queues are,
 * under a name that no queue has.
 */
export const oldestOf = (queue: string): string => `oldest of \n${queue}`;

/** Where consumers note what they have settled, and how much they hold. */
export interface SettledNotes {
  /** @param held by queue, the deliveries that this consumer has not settled; see also {@link oldestOf} */
  note(consumer: string, held: Readonly<Record<string, number>>, settled: readonly SettledNumbers[]): Promise<void>;
  /** The consumer holds nothing any more. */
  leave(consumer: string): Promise<void>;
}

export function redisSettledNotes(redis: Pick<Redis, 'eval' | 'hdel'>, pipeline: string): SettledNotes {
  return {
    async note(consumer, held, settled) {
      const keys = [holdingKey(pipeline), ...settled.map(({ token, queue }) => settledKey(pipeline, token, queue))];
      const ranges = settled.map(({ numbers }) => rangesOf(numbers));
      await redis.eval(NOTE, keys.length, ...keys, consumer, JSON.stringify(held), ...ranges);
    },
    async leave(consumer) {
      await redis.hdel(holdingKey(pipeline), consumer);
    },
  };
}

/** `3-7,9-9` of the numbers 3, 4, 5, 6, 7 and 9. */
export function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && number <= last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => `${from}-${to}`).join(',');
}

/** A part of a run that the broker has confirmed. */
export interface Publication {
  readonly token: string;
  readonly endpoint: string;
  readonly run: number;
  /** Where the endpoint has to be polled from to get its records again; everything if it is not there. */
  readonly since?: string | undefined;
  /** By queue, the number of messages that were confirmed. */
  readonly counts: Readonly<Record<string, number>>;
  /** When it was noted, in milliseconds since the epoch. */
  readonly at: number;
}

/** A publication, and by queue how many of its messages were settled. */
export interface OpenPublication extends Publication {
  readonly settled: Readonly<Record<string, number>>;
}

/** Where producers note what was confirmed, until all of it is settled. */
export interface Publications {
  /** To be called before the cursor is saved: a crash in between is harmless then. */
  note(publication: Publication): Promise<void>;
  open(): Promise<readonly OpenPublication[]>;
  forget(publications: readonly Publication[]): Promise<void>;
  /** By queue, the deliveries that each living consumer of it holds; see also {@link oldestOf}. */
  held(): Promise<ReadonlyMap<string, readonly number[]>>;
}

export function redisPublications(redis: Redis, pipeline: string): Publications {
  const key = publicationsKey(pipeline);
  return {
    async note(publication) {
      await redis.hset(key, publication.token, JSON.stringify(publication));
    },
    async open() {
      const all = Object.values(await redis.hgetall(key)).map((text) => JSON.parse(text) as Publication);
      const places = all.flatMap(({ token, counts }) => Object.keys(counts).map((queue) => ({ token, queue })));
      const counts = await Promise.all(
        places.map(({ token, queue }) => redis.bitcount(settledKey(pipeline, token, queue))),
      );
      const settled = new Map(places.map(({ token, queue }, index) => [`${token} ${queue}`, counts[index] ?? 0]));
      return all.map((one) => ({
        ...one,
        settled: Object.fromEntries(
          Object.keys(one.counts).map((queue) => [queue, settled.get(`${one.token} ${queue}`) ?? 0]),
        ),
      }));
    },
    async forget(publications) {
      if (publications.length === 0) return;
      await redis.hdel(key, ...publications.map(({ token }) => token));
      const bits = publications.flatMap(({ token, counts }) =>
        Object.keys(counts).map((queue) => settledKey(pipeline, token, queue)),
      );
      if (bits.length > 0) await redis.unlink(...bits);
    },
    async held() {
      const [all, [seconds]] = await Promise.all([redis.hgetall(holdingKey(pipeline)), redis.time()]);
      const now = Number(seconds) * 1_000;
      const held = new Map<string, number[]>();
      for (const [consumer, text] of Object.entries(all)) {
        const space = text.indexOf(' ');
        const age = now - Number(text.slice(0, space));
        if (age > FORGOTTEN) await redis.hdel(holdingKey(pipeline), consumer);
        if (age > FRESH) continue;
        for (const [queue, count] of Object.entries(JSON.parse(text.slice(space + 1)) as Record<string, number>)) {
          held.set(queue, [...(held.get(queue) ?? []), count]);
        }
      }
      return held;
    },
  };
}
