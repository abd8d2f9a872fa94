import {
  type Clock,
  connectBroker,
  interruptible,
  type Logger,
  queueDepths,
  type ReleaseList,
  redactUrl,
  type Topology,
} from '@tributary/shared';
import { standInFor } from './messages.js';
import type { PackBounds } from './packs.js';
import { Publisher } from './publisher.js';

export interface BrokerOptions {
  readonly amqpUrl: string;
  readonly instance: string;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly log: Logger;
  /** As of PublisherOptions. */
  readonly drawn?: (() => number) | undefined;
  readonly pack?: PackBounds;
  /** As of PublisherOptions. */
  readonly isTraced?: boolean | undefined;
}

/** How long a broker may take to confirm that the connection closes, in milliseconds; one that is away never does. */
const CLOSE_TIMEOUT = 2_000;

/** A publisher on a connection of its own. */
export async function openPublisher(options: BrokerOptions, releases: ReleaseList) {
  const { amqpUrl, instance, topology, clock, log, drawn, pack, isTraced } = options;
  let away: string | undefined;
  const onProblem = (problem: string | undefined) => {
    away = problem;
  };
  const connection = await connectBroker({ urls: amqpUrl, connectionName: `producer ${instance}`, log, onProblem });
  releases.add('the RabbitMQ connection', () => {
    const closed = connection.close();
    return interruptible(closed, AbortSignal.timeout(CLOSE_TIMEOUT)).catch(() => {});
  });
  let isBlocked = false;
  connection.on('blocked', () => {
    isBlocked = true;
  });
  for (const event of ['unblocked', 'disconnect']) {
    connection.on(event, () => {
      isBlocked = false;
    });
  }
  const publisher = new Publisher({ connection, topology, clock, log, drawn, pack, isTraced, standIn: standInFor });
  releases.add('the publisher', () => publisher.close());
  const servers = amqpUrl.split(',').map(redactUrl).join(', ');
  const problem = (): string | undefined => {
    if (away !== undefined) return away;
    return publisher.problem === undefined ? undefined : `${publisher.problem} (${servers})`;
  };
  return { publisher, problem, isBlocked: () => isBlocked, depths: queueDepths(connection) };
}
