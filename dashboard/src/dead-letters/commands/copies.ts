import {
  applyTopology,
  type ConsumeMessage,
  closeAmqp,
  DECLARE_AGAIN,
  RetryableError,
  systemClock,
  type Topology,
} from '@tributary/shared';
import type { Broker } from '../broker.js';
import { type DeadLetter, readLetter } from '../letter.js';
import { Replayer } from '../replayer.js';
import { type Reaching, withDeadLetters } from './run.js';

/** A dead letter as a backup keeps it. */
export interface CopiedLetter {
  /** The queue that it came from. */
  readonly queue: string;
  readonly properties: ConsumeMessage['properties'];
  readonly content: Buffer;
}

/** How many letters were put back, and how many have no queue. */
export interface PutBack {
  readonly put: number;
  readonly homeless: number;
}

/** Letters that are published together. */
const TOGETHER = 100;

/** Milliseconds in which RabbitMQ may forget a queue that was just declared, if it is killed then. */
const NEW_QUEUE = 1_000;

/**
 * Looks at every dead letter; they stay where they are.
 * @throws as `runDeadLetterCommand`
 */
export const copyLetters = (
  visit: (copied: CopiedLetter, letter: DeadLetter) => Promise<void>,
  options: Reaching,
): Promise<void> =>
  withDeadLetters(options, (deadLetters) =>
    deadLetters.visitAll(
      ({ properties, content }, letter) => visit({ queue: letter.queue, properties, content }, letter),
      options.signal,
    ),
  );

/**
 * Puts letters into their queues, but for those that lie there already: so it can be done once more.
 * @returns how many were put there, and how many are of queues that the pipeline does not have
 * @throws as `runDeadLetterCommand`
 */
export const putLettersBack = (letters: AsyncIterable<CopiedLetter>, options: Reaching): Promise<PutBack> =>
  withDeadLetters(options, async (deadLetters, _audit, broker) => {
    const { topology } = deadLetters;
    await declare(broker, topology);
    const there = new Set<string>();
    await deadLetters.visitAll(async (_message, { id }) => void there.add(id), options.signal);
    const replayer = await Replayer.open(broker, '');
    try {
      let put = 0;
      let homeless = 0;
      let batch: Promise<void>[] = [];
      for await (const { queue, properties, content } of letters) {
        const of = topology.queues.find((one) => one.queue === queue);
        const message = { properties, content } as ConsumeMessage;
        if (of === undefined) homeless += 1;
        if (of === undefined || there.has(readLetter(message, of).id)) continue;
        batch.push(replayer.renew(message, of.deadQueue));
        put += 1;
        if (batch.length === TOGETHER) {
          await Promise.all(batch);
          batch = [];
        }
      }
      await Promise.all(batch);
      return { put, homeless };
    } finally {
      await replayer.close();
    }
  });

/** The queues, as a consumer declares them. */
async function declare(broker: Broker, topology: Topology): Promise<void> {
  for (;;) {
    const channel = await broker.channel();
    try {
      await applyTopology(channel, topology);
      await systemClock.sleep(NEW_QUEUE);
      return;
    } catch (error) {
      if (!(error instanceof RetryableError) || error.code !== DECLARE_AGAIN) throw error;
    } finally {
      await closeAmqp(channel).catch(() => {});
    }
  }
}
