import type { Options } from 'amqplib';
import type { PipelineConfig } from '../config/schema.js';
import { describeError, FatalError } from '../errors.js';

/** Exchanges and queues of a pipeline, as data. It is applied again after every reconnect. */
export interface Topology {
  /** Direct exchange that records are published to, routed by entity. */
  readonly exchange: string;
  /** Direct exchange for dead letters. It has a name of its own because not every broker dead-letters to the default exchange. */
  readonly deadExchange: string;
  readonly queues: readonly EntityQueue[];
}

export interface EntityQueue {
  readonly entity: string;
  readonly queue: string;
  readonly deadQueue: string;
}

/**
 * Each redelivery counts, and a healthy record may be redelivered many times while its consumers are killed. Only the
 * consumer decides that a record is dead, so the broker's own limit is far away (RabbitMQ 4 would set it to 20). Reading the
 * dead letters counts as a delivery too, and beyond the limit RabbitMQ would drop them.
 */
const DELIVERY_LIMIT = 100_000;

export function topologyOf(config: PipelineConfig): Topology {
  return {
    exchange: config.name,
    deadExchange: `${config.name}.dead`,
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
  assertQueue(queue: string, options: Options.AssertQueue): Promise<unknown>;
  bindQueue(queue: string, exchange: string, routingKey: string): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * Declares everything. Safe to repeat.
 * @throws FatalError if a queue exists already with other arguments: only a person can decide to delete it
 */
export async function applyTopology(channel: DeclaringChannel, topology: Topology): Promise<void> {
  // A refused declaration closes the channel and is emitted as well as thrown; the throw is the one that is handled.
  const ignore = () => {};
  channel.on('error', ignore);
  try {
    await channel.assertExchange(topology.exchange, 'direct', { durable: true });
    await channel.assertExchange(topology.deadExchange, 'direct', { durable: true });
    for (const { entity, queue, deadQueue } of topology.queues) {
      await channel.assertQueue(deadQueue, QUORUM);
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
  } catch (error) {
    if (/PRECONDITION_FAILED|inequivalent/.test(describeError(error))) {
      throw new FatalError(
        'topology_conflict',
        `an exchange or queue of pipeline "${topology.exchange}" exists with other arguments; drain and delete it, or give the pipeline another name`,
        { cause: error },
      );
    }
    throw error;
  } finally {
    channel.off('error', ignore);
  }
}

const QUORUM = {
  durable: true,
  arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DELIVERY_LIMIT },
} satisfies Options.AssertQueue;
