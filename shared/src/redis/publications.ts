import type { Redis } from 'ioredis';
import { type Holdings, readHoldings } from './publications-held.js';
import { REMEMBERED, settledKey } from './publications-settled.js';
import { redisPrefix } from './redis.js';

/** Messages of a publication, at most: the bits of one take 8 KB, and those of a publication that is settled are forgotten. */
export const MOST_OF_PUBLICATION = 2 ** 16;

/** Messages of one run and one queue that the broker has confirmed. */
export interface ConfirmedMessages {
  readonly token: string;
  readonly queue: string;
  /** Their numbers are not below `from`, and below `to`. Both are multiples of 8; a number may be of no message. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/**
 * Messages that the broker has confirmed. Runs that follow each other share one, so that there are not many while the consumers are
 * away: one for 65,536 messages.
 */
export interface Publication {
  readonly token: string;
  readonly endpoint: string;
  /** Where the endpoint has to be polled from to get its records again; everything if it is not there. */
  readonly since?: string | undefined;
  /** By queue, the number of messages that were confirmed. */
  readonly counts: Readonly<Record<string, number>>;
  /** By queue, between which numbers they are; all numbers, if it is not there. */
  readonly ranges?: Readonly<Record<string, readonly [from: number, to: number]>>;
  /** Numbers what is noted, over all producers: that of the last run in it. Earlier versions noted none. */
  readonly seq?: number;
  /** All its messages were published after this was noted. */
  readonly after?: number;
}

/** A publication, and by queue how many of its messages were settled. */
export interface OpenPublication extends Publication {
  readonly settled: Readonly<Record<string, number>>;
}

/** What is to be noted of a run. */
export interface ConfirmedRun {
  readonly endpoint: string;
  readonly messages: readonly ConfirmedMessages[];
  /** As of {@link Publication}. */
  readonly since: string | undefined;
  /** Which of two versions is the earlier one. */
  readonly earlier: (a: string, b: string) => string;
  /** What `note` gave for the run before, whose messages were published before those of this one; 0 if there was none. */
  readonly after: number;
}

/** Where producers note what was confirmed, until all of it is settled. */
export interface Publications {
  /** To be called before the cursor is saved: a crash in between is harmless then. @returns the number of this note */
  note(run: ConfirmedRun): Promise<number>;
  open(): Promise<readonly OpenPublication[]>;
  /** Counts again what is settled of publications as they were. */
  recount(publications: readonly Publication[]): Promise<readonly OpenPublication[]>;
  /** Publications that were added to meanwhile keep what was added. */
  forget(publications: readonly Publication[]): Promise<void>;
  /** What the consumers hold. */
  held(): Promise<Holdings>;
  /** The highest number that this producer has drawn: as of PUBLISHED_AFTER_HEADER, for what it publishes from now on. */
  readonly drawn: number;
  /** Draws a number that is greater than all before, of any producer. */
  draw(): Promise<number>;
}

const publicationsKey = (pipeline: string) => `${redisPrefix(pipeline)}publications`;
const sequenceKey = (pipeline: string) => `${redisPrefix(pipeline)}publications-noted`;

/** Another producer may note and forget at the same time. */
const REPLACE = `
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1`;

/**
 * Milliseconds for which the bits of a forgotten publication stay: its producer may have published more under it that is settled already and
 * not noted yet.
 */
const FORGOTTEN_BITS = 24 * 60 * 60_000;

/**
 * The next number of the sequence: at least the milliseconds of Redis's clock, and more than the caller has drawn before. So it does not go
 * back either when Redis loses its data, or is restored from an older state: messages with higher numbers may still be in the queues.
 */
const DRAW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
local drawn = string.format('%.0f', math.max(before + 1, now))
redis.call('SET', KEYS[1], drawn)
return drawn`;

export function redisPublications(redis: Redis, pipeline: string): Publications {
  return new RedisPublications(redis, pipeline);
}

class RedisPublications implements Publications {
  readonly #redis: Redis;
  readonly #pipeline: string;
  readonly #key: string;
  #drawn = 0;

  constructor(redis: Redis, pipeline: string) {
    this.#redis = redis;
    this.#pipeline = pipeline;
    this.#key = publicationsKey(pipeline);
  }

  async note(run: ConfirmedRun): Promise<number> {
    const seq = await this.draw();
    for (const messages of run.messages) {
      await this.#change(messages.token, (before) => joinedWith(before, messages, run, seq));
    }
    return seq;
  }

  async open(): Promise<OpenPublication[]> {
    const all = Object.values(await this.#redis.hgetall(this.#key)).map((text) => JSON.parse(text) as Publication);
    return await this.recount(all);
  }

  recount(publications: readonly Publication[]): Promise<OpenPublication[]> {
    return Promise.all(publications.map(async (one) => ({ ...one, settled: await this.#settledOf(one) })));
  }

  async #settledOf({ token, counts, ranges }: Publication): Promise<Record<string, number>> {
    const settled: Record<string, number> = {};
    for (const [queue, count] of Object.entries(counts)) {
      const [from, to] = ranges?.[queue] ?? [0, undefined];
      const key = settledKey(this.#pipeline, token, queue);
      const found = await this.#redis.bitcount(key, from / 8, to === undefined ? -1 : to / 8 - 1);
      settled[queue] = found;
      // Consumers may be away for long, in the middle of it.
      if (found > 0 && found < count) await this.#redis.pexpire(key, REMEMBERED);
    }
    return settled;
  }

  async forget(publications: readonly Publication[]): Promise<void> {
    for (const one of publications) {
      await this.#change(one.token, (now) => (now === undefined ? undefined : without(now, one)));
      for (const queue of Object.keys(one.counts)) {
        await this.#redis.pexpire(settledKey(this.#pipeline, one.token, queue), FORGOTTEN_BITS);
      }
    }
  }

  held(): Promise<Holdings> {
    return readHoldings(this.#redis, this.#pipeline);
  }

  get drawn(): number {
    return this.#drawn;
  }

  async draw(): Promise<number> {
    const drawn = Number(await this.#redis.eval(DRAW, 1, sequenceKey(this.#pipeline), this.#drawn));
    this.#drawn = Math.max(this.#drawn, drawn);
    return drawn;
  }

  async #change(token: string, make: (before: Publication | undefined) => Publication | undefined): Promise<void> {
    for (;;) {
      const text = (await this.#redis.hget(this.#key, token)) ?? '';
      const made = make(text === '' ? undefined : (JSON.parse(text) as Publication));
      const next = made === undefined ? '' : JSON.stringify(made);
      if (text === next || (await this.#redis.eval(REPLACE, 1, this.#key, token, text, next)) === 1) return;
    }
  }
}

/** A publication with the messages of one more run. */
function joinedWith(
  before: Publication | undefined,
  { token, queue, from, to, count }: ConfirmedMessages,
  { endpoint, since, earlier, after }: ConfirmedRun,
  seq: number,
): Publication {
  if (before === undefined) {
    const one = { token, endpoint, counts: { [queue]: count }, ranges: { [queue]: [from, to] as const }, seq, after };
    return since === undefined ? one : { ...one, since };
  }
  const { since: sinceBefore, ...rest } = before;
  const [begin = from, end = 0] = before.ranges?.[queue] ?? [];
  // It is noted already: Redis did it, and the answer was lost.
  if (end >= to) return before;
  const joined = {
    ...rest,
    counts: { ...before.counts, [queue]: (before.counts[queue] ?? 0) + count },
    ranges: { ...before.ranges, [queue]: [begin, to] as const },
    seq,
  };
  if (since === undefined || sinceBefore === undefined) return joined;
  return { ...joined, since: earlier(since, sinceBefore) };
}

/** What was added to a publication since it was as it is forgotten; undefined if nothing was. */
function without(now: Publication, forgotten: Publication): Publication | undefined {
  if (now.seq === forgotten.seq) return undefined;
  const counts: Record<string, number> = {};
  const ranges: Record<string, readonly [number, number]> = {};
  for (const [queue, count] of Object.entries(now.counts)) {
    const added = count - (forgotten.counts[queue] ?? 0);
    const [from = 0, to = 0] = now.ranges?.[queue] ?? [];
    if (added <= 0) continue;
    counts[queue] = added;
    ranges[queue] = [forgotten.ranges?.[queue]?.[1] ?? from, to];
  }
  return Object.keys(counts).length === 0 ? undefined : { ...now, counts, ranges };
}
