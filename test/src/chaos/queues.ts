import { closeAmqp, type PipelineConfig, topologyOf } from '@tributary/shared';
import { type Channel, connect } from 'amqplib';

/**
 * RabbitMQ notes a queue's name half a second after it is declared; a kill before that loses it (see rabbitmq.ts). In
 * milliseconds.
 */
export const QUEUES_NOTED = 1_500;

/** Messages that lie in the queues and are not with a consumer: records to come, and dead letters. */
export interface Depths {
  readonly waiting: number;
  readonly dead: number;
}

export const queueDepths = (url: string, config: PipelineConfig): Promise<Depths> =>
  withChannel(url, async (channel) => {
    const depths = { waiting: 0, dead: 0 };
    for (const { queue, deadQueue } of topologyOf(config).queues) {
      depths.waiting += (await channel.checkQueue(queue)).messageCount;
      depths.dead += (await channel.checkQueue(deadQueue)).messageCount;
    }
    return depths;
  });

/** The message ids of all dead letters, which are taken out. */
export const takeDeadLetters = (url: string, config: PipelineConfig): Promise<string[]> =>
  withChannel(url, async (channel) => {
    const ids: string[] = [];
    for (const { deadQueue } of topologyOf(config).queues) {
      for (;;) {
        const letter = await channel.get(deadQueue, { noAck: true });
        if (letter === false) break;
        ids.push(String(letter.properties.messageId));
      }
    }
    return ids;
  });

/** Opens a channel on a connection of its own, for the time of the work. */
export async function withChannel<T>(url: string, work: (channel: Channel) => Promise<T>): Promise<T> {
  const connection = await connect(url, { timeout: 5_000 });
  let reason: Error | undefined;
  connection.on('error', (error: Error) => {
    reason = error;
  });
  try {
    const channel = await connection.createChannel();
    // A refusal is thrown as well as emitted.
    channel.on('error', () => {});
    return await work(channel);
  } catch (error) {
    // Of a connection that RabbitMQ has closed, what waits on a channel learns nothing else.
    throw reason ?? error;
  } finally {
    await closeAmqp(connection).catch(() => {});
  }
}
