import { setTimeout as sleep } from 'node:timers/promises';
import { applyTopology, type ConfirmChannel, type PipelineConfig, type Topology, topologyOf } from '@tributary/shared';
import { type ChannelModel, connect } from 'amqplib';

/** The RabbitMQ of the bench, with the pipeline's queues. */
export interface Broker {
  readonly url: string;
  readonly topology: Topology;
  /** The bounds of packs, as configured. */
  readonly pack: PipelineConfig['pack'];
  /** The queue of an entity. */
  queueOf(entity: string): string;
  /** Only for the bare publisher. */
  readonly channel: ConfirmChannel;
  readonly version: string;
  /** How many messages wait in the queue of an entity (without those that a consumer holds), and how many consumers it has. */
  look(entity: string): Promise<{ readonly waiting: number; readonly consumers: number }>;
  /** Deletes the messages in all queues. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds for the broker to finish deleting, so that this is not part of the next measurement. */
const SETTLE = 250;

export async function openBroker(url: string, config: PipelineConfig): Promise<Broker> {
  const topology = topologyOf(config);
  const connection = await connect(url, { noDelay: true });
  // Without a listener, Node would end the process. The operation that needs the connection reports its failure.
  connection.on('error', () => {});
  const channel = await connection.createConfirmChannel();
  await applyTopology(channel, topology);
  const control = await connection.createChannel();
  const queueOf = (entity: string): string => {
    const found = topology.queues.find((queue) => queue.entity === entity);
    if (found === undefined) throw new Error(`the pipeline has no entity "${entity}"`);
    return found.queue;
  };
  return {
    url,
    topology,
    pack: config.pack,
    queueOf,
    channel,
    version: versionOf(connection),
    async look(entity) {
      const { messageCount, consumerCount } = await control.checkQueue(queueOf(entity));
      return { waiting: messageCount, consumers: consumerCount };
    },
    async empty() {
      for (const { queue, deadQueue } of topology.queues) {
        await control.purgeQueue(queue);
        await control.purgeQueue(deadQueue);
      }
      await sleep(SETTLE);
    },
    close: () => connection.close(),
  };
}

const versionOf = ({ connection }: ChannelModel): string => String(connection.serverProperties.version);
