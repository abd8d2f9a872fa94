import { Redis } from 'ioredis';
import { describeError, FatalError } from '../errors.js';
import { encodedUrl, type Logger, redactUrl } from '../service/logging.js';

export { Redis } from 'ioredis';

export interface RedisOptions {
  readonly url: string;
  readonly connectionName: string;
  readonly log: Logger;
  /** Milliseconds after which a command without an answer fails; without it, a command waits for ever. */
  readonly commandTimeout?: number;
}

/**
 * A Redis client that waits for its server: commands queue while it is away and run when it is back. A command whose
 * answer was lost with the connection is sent again, so every script must give the same result when it runs twice.
 * @throws FatalError for a URL that is not one of Redis
 */
export function connectRedis({ url, connectionName, log, commandTimeout }: RedisOptions): Redis {
  // ioredis would take any other text for the path of a Unix socket.
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    const wants = 'expected something like redis://user:password@host:6379';
    throw new FatalError('redis_url_invalid', `REDIS_URL holds ${redactUrl(url)}: ${wants}`);
  }
  const client = new Redis(encodedUrl(url), {
    connectionName: connectionName.replaceAll(/\s/g, '-'),
    maxRetriesPerRequest: null,
    enableReadyCheck: true,
    lazyConnect: false,
    ...(commandTimeout === undefined ? {} : { commandTimeout }),
    retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 2_000),
    // After a failover the old master is read-only: connect again, to the new one.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
  });
  const server = redactUrl(url);
  let last = '';
  client.on('error', (error) => {
    const reason = describeError(error);
    if (reason !== last) log.warn({ redis: server, reason }, 'Redis cannot be reached; waiting for it');
    last = reason;
  });
  client.on('ready', () => {
    last = '';
    log.info({ redis: server }, 'connected to Redis');
  });
  return client;
}

/** Every key of a pipeline begins with this; the braces put all of them into one slot of a Redis Cluster. */
export const redisPrefix = (pipeline: string): string => `{${pipeline}}:`;

/**
 * Counts the sinks that a pipeline has had. A cursor is valid for one sink: when the consumer finds another (an emptied folder,
 * another database), it increments this, which voids the producer's cursors, and every endpoint is polled in full.
 */
export const sinkGenerationKey = (pipeline: string): string => `${redisPrefix(pipeline)}sink-generation`;
