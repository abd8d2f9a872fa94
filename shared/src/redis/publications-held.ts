import type { Redis } from 'ioredis';
import type { NumberRun } from './publication-numbers.js';
import { redisPrefix } from './redis.js';

/** What a consumer holds of a queue: what RabbitMQ has given to it, and is not settled. */
export interface HeldOfQueue {
  /** How many records. */
  readonly records: number;
  /** For how many milliseconds it has held the oldest. */
  readonly oldest: number;
  /** The highest number of PUBLISHED_AFTER_HEADER of all messages that it was given so far, also of those that are settled. */
  readonly after: number;
  /** By publication, the numbers of the messages that it holds; a few more where there would be too many runs. */
  readonly numbers: Readonly<Record<string, readonly NumberRun[]>>;
}

/** What the consumers of a pipeline hold. */
export interface Holdings {
  /** By queue, what each living consumer of it holds. */
  readonly living: ReadonlyMap<string, readonly HeldOfQueue[]>;
  /** Names each consumer that has ended, or has said nothing for a while, and when that was. What it held may have been delivered again. */
  readonly ended: ReadonlySet<string>;
}

export const holdingKey = (pipeline: string) => `${redisPrefix(pipeline)}holding`;

/** Stands for what a consumer holds that has ended. */
export const ENDED = JSON.stringify(null);

/** Milliseconds after which a consumer that says nothing is taken as gone, and after which it is forgotten. */
const FRESH = 5_000;
const FORGOTTEN = 10 * 60_000;

export async function readHoldings(redis: Redis, pipeline: string): Promise<Holdings> {
  const key = holdingKey(pipeline);
  const [all, [seconds]] = await Promise.all([redis.hgetall(key), redis.time()]);
  const now = Number(seconds) * 1_000;
  const living = new Map<string, HeldOfQueue[]>();
  const ended = new Set<string>();
  for (const [consumer, text] of Object.entries(all)) {
    const space = text.indexOf(' ');
    const notedAt = text.slice(0, space);
    const age = now - Number(notedAt);
    if (age > FORGOTTEN) await redis.hdel(key, consumer);
    const held = JSON.parse(text.slice(space + 1)) as Record<string, HeldOfQueue | number> | null;
    if (held === null || age > FRESH) ended.add(`${consumer} ${notedAt}`);
    else
      for (const [queue, its] of Object.entries(held)) living.set(queue, [...(living.get(queue) ?? []), fromNote(its)]);
  }
  return { living, ended };
}

/** Consumers of an earlier version tell how many records they hold, and nothing else. */
const fromNote = (its: HeldOfQueue | number): HeldOfQueue =>
  typeof its === 'number' ? { records: its, oldest: 0, after: 0, numbers: {} } : its;

/** Runs that are noted of one publication. */
const MOST_RUNS = 64;

/**
 * Bounds what is noted: consumers that share a queue hold every other message. The smallest gaps are closed, so that the consumer seems to
 * hold a little more than it does.
 * @param runs in their order, without overlaps
 */
export function fewerRuns(runs: readonly NumberRun[]): readonly NumberRun[] {
  if (runs.length <= MOST_RUNS) return runs;
  const gaps = runs.slice(1).map(([first], at) => first - (runs[at]?.[1] ?? first));
  const kept = gaps.toSorted((a, b) => b - a)[MOST_RUNS - 1] ?? 0;
  const fewer: NumberRun[] = [];
  for (const [first, last] of runs) {
    const before = fewer.at(-1);
    if (before !== undefined && first - before[1] <= kept) before[1] = last;
    else fewer.push([first, last]);
  }
  return fewer;
}

/** How many of these numbers are in the runs of any consumer. */
export function countHeld(
  held: readonly HeldOfQueue[],
  token: string,
  [from, to]: readonly [from: number, to: number],
): number {
  const runs = held.flatMap(({ numbers }) => numbers[token] ?? []).toSorted((a, b) => a[0] - b[0]);
  let count = 0;
  let next = from;
  for (const [first, last] of runs) {
    const begin = Math.max(first, next);
    const end = Math.min(last + 1, to);
    if (end > begin) count += end - begin;
    next = Math.max(next, end);
  }
  return count;
}
