import { type Clock, closeAmqp, RetryableError } from '@tributary/shared';
import { asRetryable, type Broker, isLocked } from './broker.js';

/** Milliseconds to wait for the lock. */
const PATIENCE = 10_000;

/**
 * Lets one connection at a time go through a dead-letter queue, of all dashboards and shells: two at once would see a part of
 * it each. The lock is a queue that belongs to one connection (AMQP's `exclusive`), so RabbitMQ removes it when its owner dies.
 * It does not exclude other work on the same connection.
 *
 * @throws RetryableError if another connection holds it for long, or the broker is away
 */
export async function withLock<T>(broker: Broker, deadQueue: string, clock: Clock, work: () => Promise<T>): Promise<T> {
  const queue = `${deadQueue}.lock`;
  const until = clock.monotonic() + PATIENCE;
  while (!(await take(broker, queue))) {
    if (clock.monotonic() > until) {
      const message = `another dashboard or shell is going through ${deadQueue} right now; try again in a moment`;
      throw new RetryableError('dead_letters_busy', message);
    }
    await clock.sleep(100);
  }
  try {
    return await work();
  } finally {
    await give(broker, queue).catch(() => {});
  }
}

async function take(broker: Broker, queue: string): Promise<boolean> {
  const channel = await broker.channel();
  try {
    await channel.assertQueue(queue, { exclusive: true, durable: false });
    await closeAmqp(channel);
    return true;
  } catch (error) {
    if (isLocked(error)) return false;
    throw asRetryable(error);
  }
}

async function give(broker: Broker, queue: string): Promise<void> {
  const channel = await broker.channel();
  await channel.deleteQueue(queue);
  await closeAmqp(channel);
}
