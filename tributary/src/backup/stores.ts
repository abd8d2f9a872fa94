import {
  type Clock,
  connectBroker,
  connectRedis,
  type Environment,
  type Logger,
  type QueueDepths,
  queueDepths,
  type Redis,
  type ReleaseList,
  RetryableError,
} from '@tributary/shared';

/** The servers that the environment names; undefined where it names none. */
export interface Servers {
  readonly redis: Redis | undefined;
  readonly depths: QueueDepths | undefined;
}

/** Milliseconds to wait for each. */
const CONNECT_TIMEOUT = 10_000;

/** Milliseconds. A command without an answer fails. */
const ANSWER = 20_000;

/** @throws RetryableError if a server that is named cannot be reached */
export async function openServers(
  env: Environment,
  clock: Clock,
  log: Logger,
  releases: ReleaseList,
): Promise<Servers> {
  const redis = env.REDIS_URL ? await openRedis(env.REDIS_URL, clock, log, releases) : undefined;
  const depths = env.AMQP_URL ? await openBroker(env.AMQP_URL, clock, log, releases) : undefined;
  return { redis, depths };
}

async function openRedis(url: string, clock: Clock, log: Logger, releases: ReleaseList): Promise<Redis> {
  const redis = connectRedis({ url, connectionName: 'tributary backup', log, commandTimeout: ANSWER });
  releases.add('the Redis connection', () => redis.disconnect());
  await until(clock, 'Redis', () => redis.status === 'ready');
  return redis;
}

async function openBroker(urls: string, clock: Clock, log: Logger, releases: ReleaseList): Promise<QueueDepths> {
  let isConnected = false;
  const connection = await connectBroker({
    urls,
    connectionName: 'tributary backup',
    log,
    onState: (connected) => {
      isConnected = connected;
    },
  });
  releases.add('the RabbitMQ connection', () => connection.close());
  await until(clock, 'RabbitMQ', () => isConnected);
  return queueDepths(connection);
}

async function until(clock: Clock, what: string, isThere: () => boolean): Promise<void> {
  const end = clock.monotonic() + CONNECT_TIMEOUT;
  while (!isThere()) {
    if (clock.monotonic() > end)
      throw new RetryableError('server_away', `${what} cannot be reached; try again when it is there`);
    await clock.sleep(50);
  }
}
