import type { Options } from 'amqplib';
import type { PipelineConfig } from '../config/schema.js';
import { describeError, FatalError, RetryableError } from '../errors.js';

/** Exchanges and queues of a pipeline, as data. It is applied again after every reconnect. */
export interface Topology {
  /** Direct exchange that records are published to, routed by entity. */
  readonly exchange: string;
  /** Direct exchange for dead letters. It has a name of its own because not every broker dead-letters to the default exchange. */
  readonly deadExchange: string;
  readonly queues: readonly EntityQueue[];
  /**
   * Queues for dead letters that an earlier version declared, as far as declaring has found out: nothing keeps RabbitMQ from
   * dropping letters there when a policy limits their length.
   */
  readonly olderDeadQueues?: Set<string>;
}

export interface EntityQueue {
  readonly entity: string;
  readonly queue: string;
  readonly deadQueue: string;
}

/**
 * Each redelivery counts, and a healthy record may be redelivered many times while its consumers are killed. Only the
 * consumer decides that a record is dead, so the broker's own limit is far away (RabbitMQ 4 would set it to 20). Reading the
 * dead letters counts as a delivery too (see dead-letters/sweep.ts in the dashboard).
 */
const DELIVERY_LIMIT = 100_000;

export function topologyOf(config: PipelineConfig): Topology {
  return {
    exchange: config.name,
    deadExchange: `${config.name}.dead`,
    olderDeadQueues: new Set(),
    queues: Object.entries(config.entities).map(([entity, { queue }]) => ({
      entity,
      queue,
      deadQueue: `${queue}.dead`,
    })),
  };
}

/** What declaring needs of a channel of amqplib. */
export interface DeclaringChannel {
  assertExchange(exchange: string, type: string, options: Options.AssertExchange): Promise<unknown>;
  assertQueue(queue: string, options: Options.AssertQueue): Promise<{ readonly messageCount: number }>;
  bindQueue(queue: string, exchange: string, routingKey: string): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/** The code of the error that asks for another channel. */
export const DECLARE_AGAIN = 'declare_again';

/**
 * Declares everything. Safe to repeat.
 * @returns the queues, as the entities name them, whose dead letters' queue is empty
 * @throws FatalError if a queue exists already with other arguments: only a person can decide to delete it; RetryableError
 *   `declare_again` if it has to be called once more, on another channel: a queue of an earlier version was found
 */
export async function applyTopology(channel: DeclaringChannel, topology: Topology): Promise<readonly string[]> {
  const empty: string[] = [];
  // A refused declaration closes the channel and is emitted as well as thrown; the throw is the one that is handled.
  const ignore = () => {};
  channel.on('error', ignore);
  try {
    await channel.assertExchange(topology.exchange, 'direct', { durable: true });
    await channel.assertExchange(topology.deadExchange, 'direct', { durable: true });
    for (const { entity, queue, deadQueue } of topology.queues) {
      const options = topology.olderDeadQueues?.has(deadQueue) ? QUORUM : DEAD;
      const { messageCount } = await channel.assertQueue(deadQueue, options);
      if (messageCount === 0) empty.push(queue);
      await channel.bindQueue(deadQueue, topology.deadExchange, queue);
      await channel.assertQueue(queue, {
        durable: true,
        arguments: {
          ...QUORUM.arguments,
          'x-dead-letter-exchange': topology.deadExchange,
          'x-dead-letter-routing-key': queue,
          // At least once needs reject-publish (RabbitMQ manual, "Quorum queues", dead-lettering).
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
        },
      });
      await channel.bindQueue(queue, topology.exchange, entity);
    }
    return empty;
  } catch (error) {
    throwIfConflict(error, topology);
    throw error;
  } finally {
    channel.off('error', ignore);
  }
}

const QUORUM = {
  durable: true,
  arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DELIVERY_LIMIT },
} satisfies Options.AssertQueue;

/**
 * A policy with a max-length makes RabbitMQ refuse letters then, and drop none. Only a policy that says `drop-head` itself is stronger than
 * the argument of a quorum queue.
 */
const DEAD = {
  durable: true,
  arguments: { ...QUORUM.arguments, 'x-overflow': 'reject-publish' },
} satisfies Options.AssertQueue;

function throwIfConflict(error: unknown, topology: Topology): void {
  const text = describeError(error);
  if (!/PRECONDITION_FAILED|inequivalent/.test(text)) return;
  const [, argument, queue] = /inequivalent arg '([^']*)' for queue '([^']*)'/.exec(text) ?? [];
  const isDead = topology.queues.some(({ deadQueue }) => deadQueue === queue);
  const older = topology.olderDeadQueues;
  if (queue !== undefined && isDead && argument === 'x-overflow' && older?.has(queue) === false) {
    older.add(queue);
    throw new RetryableError(DECLARE_AGAIN, `${queue} was declared by an earlier version`, { cause: error });
  }
  const owner = /x-dead-letter-exchange.*current is (?:the value )?'([^']*)\.dead'/.exec(text)?.[1];
  const message =
    owner === undefined
      ? `an exchange or queue of pipeline "${topology.exchange}" exists with other arguments; drain and delete it, or give the pipeline another name`
      : `queue "${queue}" exists with other arguments: it belongs to pipeline "${owner}", and pipeline "${topology.exchange}" would get its records; give the entity another queue in the file of "${topology.exchange}"`;
  throw new FatalError('topology_conflict', message, { cause: error });
}

/** Tells what an operator has to know of queues of an earlier version; undefined if there are none. */
export function adviceOnOlderQueues({ olderDeadQueues = new Set() }: Topology): string | undefined {
  if (olderDeadQueues.size === 0) return undefined;
  const queues = [...olderDeadQueues].map((queue) => `"${queue}"`).join(', ');
  return `an earlier version declared ${queues}: if a policy limits the length of dead letters there, RabbitMQ drops the oldest without a word; add "overflow": "reject-publish" to the policy, or let the queue run empty and delete it, so that it is declared anew`;
}
