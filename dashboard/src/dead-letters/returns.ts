import { type Clock, type ConsumeMessage, closeAmqp, within } from '@tributary/shared';
import type { Broker } from './broker.js';

/** How often a letter was given back, as RabbitMQ counts it. */
export const returnsOf = ({ properties }: Pick<ConsumeMessage, 'properties'>): number => {
  const count: unknown = properties.headers?.['x-delivery-count'];
  return typeof count === 'number' ? count : 0;
};

/** A queue whose letters may be given back so often is looked at as one without a limit. */
const ENOUGH = 6;

/** Milliseconds within which a message should be back that was given back. */
const BACK = 3_000;
/** Milliseconds that the whole may take: RabbitMQ takes no message while it has an alarm. */
const PATIENCE = 10_000;

/** RabbitMQ removes the queue by itself if we die before. */
const ARGUMENTS = { 'x-queue-type': 'quorum', 'x-delivery-limit': 100_000, 'x-expires': 60_000 };

/**
 * Finds out how often RabbitMQ lets a letter of a queue be given back before it drops it: a policy may set a limit, and no client is told. A
 * message is given back again and again on a queue beside it, whose name begins and ends as its own, so that nearly every pattern of a policy
 * that is for the one is for the other. A policy for the one name alone is not found out.
 *
 * @returns undefined if it cannot be found out now
 */
export async function allowedReturns(broker: Broker, deadQueue: string, clock: Clock): Promise<number | undefined> {
  // While it has an alarm, RabbitMQ reads nothing more of a connection that has published.
  const own = broker.another();
  let found: number | undefined;
  const trying = tryOut(own, deadQueue.replace(/(\.dead)?$/, '.returns.dead'), clock).then((allowed) => {
    found = allowed;
  });
  // Without the right to declare it, for example.
  await within(clock, PATIENCE, trying).catch(() => {});
  trying.catch(() => {});
  const closing = own.close().catch(() => {});
  if (found !== undefined) await within(clock, PATIENCE, closing);
  return found;
}

async function tryOut(broker: Broker, queue: string, clock: Clock): Promise<number> {
  await broker.open();
  const until = clock.monotonic() + PATIENCE;
  while (!broker.connected && clock.monotonic() < until) await clock.sleep(10);
  const publisher = await broker.confirmChannel();
  await publisher.assertQueue(queue, { durable: true, arguments: ARGUMENTS });
  try {
    // What another that died meanwhile has left.
    await publisher.purgeQueue(queue);
    publisher.sendToQueue(queue, Buffer.from('tried out by the dashboard'));
    await publisher.waitForConfirms();
    for (let survived = 0; ; survived++) {
      const channel = await broker.channel();
      const message = await channel.get(queue);
      if (message === false) return Math.max(0, survived - 1);
      // It came back, and that was not counted.
      if (survived > 0 && returnsOf(message as Pick<ConsumeMessage, 'properties'>) === 0)
        return Number.POSITIVE_INFINITY;
      if (survived >= ENOUGH) return survived;
      // As the end of a look gives letters back.
      await closeAmqp(channel);
      const back = clock.monotonic() + BACK;
      while (((await broker.depth(queue))?.messages ?? 0) === 0 && clock.monotonic() < back) await clock.sleep(10);
    }
  } finally {
    await publisher.deleteQueue(queue).catch(() => {});
  }
}
