import {
  connectBroker,
  connectRedis,
  type RecoveringChannelModel,
  type Redis,
  type ReleaseList,
  type ServiceSettings,
} from '@tributary/shared';

/** The connections that outlive the sessions. Each recovers by itself. */
export interface Connections {
  readonly redis: Redis;
  readonly broker: RecoveringChannelModel;
  /** Another connection to the same broker (see DeadLettersOptions). */
  readonly deadLetterBroker: RecoveringChannelModel;
}

export interface ConnectionOptions extends Pick<ServiceSettings, 'redisUrl' | 'amqpUrl' | 'instance' | 'log'> {
  /** Closes the connections. */
  readonly release: ReleaseList;
  /** Called with what is away, and with undefined when it is back. */
  readonly onProblem: (what: 'redis' | 'broker', problem: string | undefined) => void;
}

/** Does not wait for Redis or RabbitMQ to be there. @throws FatalError for a URL that can never lead to one */
export async function openConnections(options: ConnectionOptions): Promise<Connections> {
  const redis = openRedis(options);
  const broker = await openBroker(options);
  const deadLetterBroker = await openDeadLetterBroker(options);
  return { redis, broker, deadLetterBroker };
}

function openRedis({ redisUrl, instance, log, release, onProblem }: ConnectionOptions): Redis {
  const redis = connectRedis({ url: redisUrl, connectionName: `consumer ${instance}`, log });
  release.add('Redis connection', () => redis.disconnect());
  redis.on('close', () => onProblem('redis', 'Redis is not connected'));
  redis.on('ready', () => onProblem('redis', undefined));
  return redis;
}

async function openBroker(options: ConnectionOptions): Promise<RecoveringChannelModel> {
  const { amqpUrl, instance, log, release, onProblem } = options;
  const onState = (connected: boolean) => onProblem('broker', connected ? undefined : 'RabbitMQ is not connected');
  onState(false);
  const broker = await connectBroker({ urls: amqpUrl, connectionName: `consumer ${instance}`, log, onState });
  release.add('RabbitMQ connection', () => broker.close());
  return broker;
}

async function openDeadLetterBroker(options: ConnectionOptions): Promise<RecoveringChannelModel> {
  const { amqpUrl, instance, log, release } = options;
  const broker = await connectBroker({
    urls: amqpUrl,
    connectionName: `consumer ${instance} dead letters`,
    log: log.child({ connection: 'dead letters' }),
  });
  release.add('RabbitMQ connection for dead letters', () => broker.close());
  return broker;
}
