import { type PipelineConfig, topologyOf } from '@tributary/shared';
import type { Channel } from 'amqplib';

/** Removes all that a pipeline has in RabbitMQ. */
export async function removeTopology(channel: Channel, config: PipelineConfig): Promise<void> {
  const { exchange, deadExchange, queues } = topologyOf(config);
  for (const { queue, deadQueue } of queues) {
    await channel.deleteQueue(queue);
    await channel.deleteQueue(deadQueue);
  }
  await channel.deleteExchange(exchange);
  await channel.deleteExchange(deadExchange);
}
