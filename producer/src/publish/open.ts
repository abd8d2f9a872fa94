import {
  type Clock,
  connectBroker,
  interruptible,
  type Logger,
  type ReleaseList,
  redactUrl,
  type Topology,
} from '@tributary/shared';
import { Publisher } from './publisher.js';

export interface BrokerOptions {
  readonly amqpUrl: string;
  readonly instance: string;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long a broker may take to confirm that the connection closes, in milliseconds; one that is away never does. */
const CLOSE_TIMEOUT = 2_000;

/** A publisher on a connection of its own. */
export async function openPublisher(options: BrokerOptions, releases: ReleaseList) {
  const { amqpUrl, instance, topology, clock, log } = options;
  const connection = await connectBroker({ urls: amqpUrl, connectionName: `producer ${instance}`, log });
  releases.add('the RabbitMQ connection', () => {
    const closed = connection.close();
    return interruptible(closed, AbortSignal.timeout(CLOSE_TIMEOUT)).catch(() => {});
  });
  let blocked = false;
  connection.on('blocked', () => {
    blocked = true;
  });
  for (const event of ['unblocked', 'disconnect']) {
    connection.on(event, () => {
      blocked = false;
    });
  }
  const publisher = new Publisher({ connection, topology, clock, log });
  releases.add('the publisher', () => publisher.close());
  const servers = amqpUrl.split(',').map(redactUrl).join(', ');
  const problem = (): string | undefined => {
    if (publisher.problem !== undefined) return `${publisher.problem} (${servers})`;
    return blocked ? `RabbitMQ takes no messages: it is short of memory or disk (${servers})` : undefined;
  };
  return { publisher, problem };
}
