import {
  connectRedis,
  type Logger,
  type ReleaseList,
  RetryableError,
  type RunLog,
  redactUrl,
  redisRunLog,
  redisSeenAgain,
  type SeenAgain,
} from '@tributary/shared';

/** What producers and consumers keep in Redis about their runs and about records seen again. The dashboard only reads it. */
export interface Journal {
  readonly runs: Pick<RunLog, 'find'>;
  readonly seenAgain: Pick<SeenAgain, 'last'>;
  /** @throws RetryableError, without waiting, while Redis cannot be read */
  check(): void;
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
): Journal {
  const connectionName = `dashboard ${instance}`;
  const redis = connectRedis({ url, connectionName, log, commandTimeout: ANSWER_WITHIN });
  releases.add('the Redis connection', () => redis.disconnect());
  return {
    runs: redisRunLog(redis, pipeline),
    seenAgain: redisSeenAgain(redis, pipeline),
    check() {
      // A command would wait until Redis is back, and the page with it.
      if (redis.status === 'ready') return;
      throw new RetryableError('redis_away', `Redis at ${redactUrl(url)} does not answer`);
    },
  };
}
