import {
  type Logger,
  needsOf,
  openRedis,
  type ReleaseList,
  RetryableError,
  type RunLog,
  redisRunLog,
  redisSeenAgain,
  type SeenAgain,
} from '@tributary/shared';
import { type Daily, redisDaily } from '../dead-letters/daily.js';
import type { ExportState } from '../exports/state/port.js';
import { redisExportState } from '../exports/state/redis.js';

/** What producers and consumers keep in Redis about their runs and about records seen again. The dashboard only reads it. */
export interface Journal {
  readonly runs: Pick<RunLog, 'find'>;
  readonly seenAgain: Pick<SeenAgain, 'last'>;
  /** @throws RetryableError, without waiting, while Redis cannot be read */
  check(): void;
  /** Why Redis cannot be read now, in words; undefined if it can. */
  problem(): string | undefined;
}

/** A journal, and what dashboards themselves keep beside it. */
export interface OpenedJournal extends Journal {
  /** Which dashboard exports, and what was exported. */
  readonly exports: ExportState;
  /** Which dashboard removes old dead letters. */
  readonly letters: Daily;
}

/** Milliseconds. A Redis that does not answer must not keep a page from being shown. */
const ANSWER_WITHIN = 3_000;

/** Connects in the background. @throws FatalError for a URL that no Redis can be reached by */
export function openJournal(
  url: string,
  pipeline: string,
  instance: string,
  log: Logger,
  releases: ReleaseList,
): OpenedJournal {
  const connectionName = `dashboard ${instance}`;
  const needs = needsOf(pipeline, false);
  const { redis, health } = openRedis({ url, connectionName, log, commandTimeout: ANSWER_WITHIN, needs });
  releases.add('the Redis connection', () => redis.disconnect());
  const check = () => {
    // A command would wait until Redis is back, and the page with it.
    const { problem } = health;
    if (problem !== undefined) throw new RetryableError('redis_away', problem);
  };
  return {
    runs: redisRunLog(redis, pipeline),
    seenAgain: redisSeenAgain(redis, pipeline),
    exports: redisExportState(redis, pipeline, check),
    letters: redisDaily(redis, pipeline, 'dead-letters', check),
    check,
    problem: () => health.problem,
  };
}
