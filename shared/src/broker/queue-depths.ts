import { type Closable, closeAmqp } from './amqp.js';

/** What a queue holds for delivery, and how many consumers it has. */
export interface QueueLook {
  readonly ready: number;
  readonly consumers: number;
}

/** Looks at queues by declaring them passively, which changes nothing. */
export interface QueueDepths {
  /** A queue that does not exist holds nothing. */
  look(queues: readonly string[]): Promise<ReadonlyMap<string, QueueLook>>;
}

/** What looking needs of a connection of amqplib. */
export interface LookingConnection {
  createChannel(): Promise<LookingChannel>;
}

export interface LookingChannel extends Closable {
  checkQueue(queue: string): Promise<{ messageCount: number; consumerCount: number }>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

const NONE: QueueLook = { ready: 0, consumers: 0 };

export const queueDepths = (connection: LookingConnection): QueueDepths => ({
  async look(queues) {
    const looks = new Map<string, QueueLook>();
    let channel: LookingChannel | undefined;
    for (const queue of queues) {
      channel ??= await open(connection);
      try {
        const { messageCount: ready, consumerCount: consumers } = await channel.checkQueue(queue);
        looks.set(queue, { ready, consumers });
      } catch (error) {
        // The refusal has closed the channel.
        channel = undefined;
        if ((error as { code?: unknown }).code !== 404) throw error;
        looks.set(queue, NONE);
      }
    }
    if (channel !== undefined) await closeAmqp(channel);
    return looks;
  },
});

async function open(connection: LookingConnection): Promise<LookingChannel> {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  return channel;
}
