import {
  connectBroker,
  describeError,
  needsOf,
  openRedis,
  type RecoveringChannelModel,
  type RedisConnection,
  type ReleaseList,
  type ServiceSettings,
} from '@tributary/shared';
import { mendOverwritten } from '../recovery/overwritten.js';

/** The connections that outlive the sessions. Each recovers by itself. */
export interface Connections extends RedisConnection {
  readonly broker: RecoveringChannelModel;
  /** Another connection to the same broker (see DeadLettersOptions). */
  readonly deadLetterBroker: RecoveringChannelModel;
}

export interface ConnectionOptions
  extends Pick<ServiceSettings, 'config' | 'redisUrl' | 'amqpUrl' | 'instance' | 'log'> {
  /** Closes the connections. */
  readonly release: ReleaseList;
  /** Called with what is away or takes nothing, and with undefined when that is over. */
  readonly onProblem: (what: 'redis' | 'broker' | 'broker for dead letters', problem: string | undefined) => void;
  /** Called when RabbitMQ begins to block the connection for dead letters, and when it ends that. */
  readonly onBlocked: (isBlocked: boolean) => void;
}

/** Does not wait for Redis or RabbitMQ to be there. @throws FatalError for a URL that can never lead to one */
export async function openConnections(options: ConnectionOptions): Promise<Connections> {
  const { redis, health } = openLedger(options);
  // One server that is away is one problem, although two connections see it.
  let [problem, forDeadLetters]: (string | undefined)[] = [];
  const tell = () => {
    options.onProblem('broker', problem);
    options.onProblem('broker for dead letters', problem === undefined ? forDeadLetters : undefined);
  };
  const broker = await openBroker(options, (words) => {
    problem = words;
    tell();
  });
  const deadLetterBroker = await openDeadLetterBroker(options, (words) => {
    forDeadLetters = words === undefined ? undefined : `dead letters: ${words}`;
    tell();
  });
  return { redis, health, broker, deadLetterBroker };
}

function openLedger({ config, redisUrl, instance, log, release, onProblem }: ConnectionOptions): RedisConnection {
  const connection = openRedis({
    url: redisUrl,
    connectionName: `consumer ${instance}`,
    log,
    needs: needsOf(config.name, true),
    onProblem: (words) => onProblem('redis', words),
    onOverwritten: (found) => {
      void mendOverwritten(found, { redis: connection.redis, pipeline: config.name, log }).catch((error: unknown) =>
        log.debug({ reason: describeError(error) }, 'the ledger could not be mended'),
      );
    },
  });
  release.add('Redis connection', () => connection.redis.disconnect());
  return connection;
}

type TellProblem = (words: string | undefined) => void;

async function openBroker(options: ConnectionOptions, onProblem: TellProblem): Promise<RecoveringChannelModel> {
  const { amqpUrl, instance, log, release } = options;
  const broker = await connectBroker({ urls: amqpUrl, connectionName: `consumer ${instance}`, log, onProblem });
  release.add('RabbitMQ connection', () => broker.close());
  return broker;
}

async function openDeadLetterBroker(
  options: ConnectionOptions,
  onProblem: TellProblem,
): Promise<RecoveringChannelModel> {
  const { amqpUrl, instance, log, release, onBlocked } = options;
  const broker = await connectBroker({
    urls: amqpUrl,
    connectionName: `consumer ${instance} dead letters`,
    log: log.child({ connection: 'dead letters' }),
    onProblem,
  });
  broker.on('blocked', () => onBlocked(true));
  for (const event of ['unblocked', 'disconnect']) broker.on(event, () => onBlocked(false));
  release.add('RabbitMQ connection for dead letters', () => broker.close());
  return broker;
}
