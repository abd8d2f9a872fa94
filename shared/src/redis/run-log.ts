import type { Redis } from 'ioredis';
import { redisPrefix } from './redis.js';

/** A poll that sent messages, as it is remembered. Times are milliseconds since the epoch. */
export interface LoggedRun {
  readonly run: number;
  /** The producer that polled. */
  readonly producer: string;
  readonly startedAt: number;
  /** No message id of it is of an earlier time; later than the start where another producer's clock was ahead. */
  readonly idsFrom: number;
  readonly endedAt: number;
  /** When the broker had confirmed every message; absent if it has not. */
  readonly confirmedAt?: number | undefined;
  /** Messages that it has confirmed. */
  readonly published: number;
  /** Why the run failed; absent if it did not. */
  readonly error?: string | undefined;
}

/** The run that a message is of, as far as the log reaches. */
export interface FoundRun {
  /** Undefined if none is kept that was going on at that time. */
  readonly run: LoggedRun | undefined;
  /** When the oldest run began that is kept; undefined if none is. */
  readonly since: number | undefined;
}

/**
 * Remembers the last runs of each endpoint that sent something, for whoever asks where a record came from. Runs of one
 * endpoint never overlap, so the time in a message's id tells its run, and no record has to carry more than it does.
 */
export interface RunLog {
  add(endpoint: string, run: LoggedRun): Promise<void>;
  /** @param time of a message id, in milliseconds since the epoch */
  find(endpoint: string, time: number): Promise<FoundRun>;
}

/** Runs that are kept of each endpoint: some 200 bytes each. */
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

/** Only producers write here, so what is there is taken for what it should be; what is not JSON is not there. */
function decode(text: string | undefined): LoggedRun | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as LoggedRun);
  } catch {
    return undefined;
  }
}
