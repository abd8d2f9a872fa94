import type { Redis } from 'ioredis';
import { redisPrefix } from './redis.js';

/** What is kept of a poll that sent messages. Times are milliseconds since the epoch. */
export interface LoggedRun {
  readonly run: number;
  /** The producer that polled. */
  readonly producer: string;
  readonly startedAt: number;
  /** The earliest time in its message ids; later than its start where the clock of another producer was ahead. */
  readonly idsFrom: number;
  readonly endedAt: number;
  /** When the broker had confirmed every message; absent if it has not. */
  readonly confirmedAt?: number | undefined;
  /** Messages that the broker has confirmed. */
  readonly published: number;
  /** Why the run failed; absent if it did not. */
  readonly error?: string | undefined;
}

/** The run that sent a message, as far as the log reaches. */
export interface FoundRun {
  /** Undefined if the log holds no run of that time. */
  readonly run: LoggedRun | undefined;
  /** When the oldest run in the log began; undefined if the log is empty. */
  readonly since: number | undefined;
}

/**
 * Keeps the last runs of each endpoint that sent something, so that the dashboard can show where a record came from. Runs of
 * one endpoint never overlap, so the time in a message's id identifies its run, and records need not carry more.
 */
export interface RunLog {
  add(endpoint: string, run: LoggedRun): Promise<void>;
  /** @param time of a message id, in milliseconds since the epoch */
  find(endpoint: string, time: number): Promise<FoundRun>;
}

/** Runs that are kept for each endpoint: some 200 bytes each. */
const KEPT = 1_000;

/** In a sorted set of Redis for each endpoint, `runs:<endpoint>`: JSON, by the earliest time of the run's message ids. */
export function redisRunLog(redis: Redis, pipeline: string, kept = KEPT): RunLog {
  const keyOf = (endpoint: string) => `${redisPrefix(pipeline)}runs:${endpoint}`;
  return {
    async add(endpoint, run) {
      const key = keyOf(endpoint);
      await redis
        .multi()
        .zadd(key, run.idsFrom, JSON.stringify(run))
        .zremrangebyrank(key, 0, -kept - 1)
        .exec();
    },
    async find(endpoint, time) {
      const key = keyOf(endpoint);
      const [last, oldest] = await Promise.all([
        redis.zrange(key, time, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, 1),
        redis.zrange(key, 0, 0),
      ]);
      return found(decode(last[0]), decode(oldest[0]), time);
    },
  };
}

/** In memory: for dry runs and tests. */
export function memoryRunLog(kept = KEPT): RunLog {
  const logs = new Map<string, LoggedRun[]>();
  return {
    async add(endpoint, run) {
      const runs = [...(logs.get(endpoint) ?? []), run].sort((a, b) => a.idsFrom - b.idsFrom);
      logs.set(endpoint, runs.slice(-kept));
    },
    async find(endpoint, time) {
      const runs = logs.get(endpoint) ?? [];
      return found(
        runs.findLast(({ idsFrom }) => idsFrom <= time),
        runs[0],
        time,
      );
    },
  };
}

function found(last: LoggedRun | undefined, oldest: LoggedRun | undefined, time: number): FoundRun {
  const isOfIt = last !== undefined && time <= Math.max(last.endedAt, last.idsFrom);
  return { run: isOfIt ? last : undefined, since: oldest?.startedAt };
}

/** Only producers write here, so an entry is not validated; one that is not JSON is ignored. */
function decode(text: string | undefined): LoggedRun | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as LoggedRun);
  } catch {
    return undefined;
  }
}
