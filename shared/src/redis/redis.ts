import type { Redis } from 'ioredis';
import type { Logger } from '../service/logging.js';
import { RedisHealth, type RedisNeeds } from './health.js';
import type { Overwritten } from './overwritten.js';
import { readRedisUrl } from './url.js';

export { Redis } from 'ioredis';

export interface RedisOptions {
  readonly url: string;
  readonly connectionName: string;
  readonly log: Logger;
  /** Milliseconds after which a command without an answer fails; without it, a command waits for ever. */
  readonly commandTimeout?: number;
  /** What the service needs of it; unless given, only the connection is watched. */
  readonly needs?: RedisNeeds;
  /** Called at once, and when what keeps the service from using Redis changes; undefined if nothing does. */
  readonly onProblem?: (words: string | undefined) => void;
  /** Called each time keys of the pipeline are found that another program has overwritten with another type. */
  readonly onOverwritten?: (found: readonly Overwritten[]) => void;
}

/** A client of Redis, and whether it can be used now. */
export interface RedisConnection {
  readonly redis: Redis;
  readonly health: RedisHealth;
}

/** Milliseconds for a connection to be opened, and between two attempts at most. With the silence that is noticed, below 10 s. */
const CONNECT_WITHIN = 4_000;
const LONGEST_WAIT = 2_000;
/** Milliseconds after which the operating system asks an idle connection for a sign of life. */
const KEEP_ALIVE = 15_000;

/**
 * A Redis client that waits for its server: commands queue while it is away and run when it is back. A command whose
 * answer was lost with the connection is sent again, so every script must give the same result when it runs twice. A connection that
 * is silent while an answer is due is closed and opened again, so that no wait is longer than the server's absence.
 * @throws FatalError for a URL that is not one of Redis
 */
export function openRedis(options: RedisOptions): RedisConnection {
  const { url, connectionName, log, commandTimeout, needs, onProblem, onOverwritten } = options;
  const { server, connect } = readRedisUrl(url);
  const redis = connect({
    maxRetriesPerRequest: null,
    enableReadyCheck: true,
    lazyConnect: false,
    connectTimeout: CONNECT_WITHIN,
    keepAlive: KEEP_ALIVE,
    maxLoadingRetryTime: LONGEST_WAIT,
    // The first answer has to be that of INFO: a server that has too many clients gives one error and closes.
    disableClientInfo: true,
    ...(commandTimeout === undefined ? {} : { commandTimeout }),
    retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, LONGEST_WAIT),
    sentinelRetryStrategy: (attempt) => Math.min(50 * 2 ** attempt, LONGEST_WAIT),
    sentinelCommandTimeout: CONNECT_WITHIN,
  });
  const name = connectionName.replaceAll(/[^!-~]/g, '-').slice(0, 200);
  redis.on('ready', () => void redis.client('SETNAME', name).catch(() => {}));
  const health = new RedisHealth({ redis, server, log, needs, onProblem, onOverwritten });
  return { redis, health };
}

/** As {@link openRedis}, where the state of the server is only logged. */
export const connectRedis = (options: RedisOptions): Redis => openRedis(options).redis;

/** Every key of a pipeline begins with this; the braces put all of them into one slot of a Redis Cluster. */
export const redisPrefix = (pipeline: string): string => `{${pipeline}}:`;

/** What a service of a pipeline needs of Redis. */
export const needsOf = (pipeline: string, writes: boolean): RedisNeeds => ({
  key: `${redisPrefix(pipeline)}probe`,
  writes,
});

/**
 * Counts the sinks that a pipeline has had. A cursor is valid for one sink: when the consumer finds another (an emptied folder,
 * another database), it increments this, which voids the producer's cursors, and every endpoint is polled in full.
 */
export const sinkGenerationKey = (pipeline: string): string => `${redisPrefix(pipeline)}sink-generation`;

/** The keys that an endpoint has brought, with what is known of each: see the producer's `redisKnownKeys`. */
export const knownKeysKey = (pipeline: string, endpoint: string): string => `${redisPrefix(pipeline)}keys:${endpoint}`;

/** Holds the cursor of an endpoint: see the producer's `redisCursorStore`. */
export const cursorKey = (pipeline: string, endpoint: string): string => `${redisPrefix(pipeline)}cursor:${endpoint}`;

/** Counts how often the cursor of an endpoint was made void: by a reset, or because its records are made in another form now. */
export const cursorResetsKey = (pipeline: string, endpoint: string): string =>
  `${redisPrefix(pipeline)}reset:${endpoint}`;
