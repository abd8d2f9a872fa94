import { connect } from 'amqplib';
import { describe, expect, inject, test } from 'vitest';
import { eventually } from '../end-to-end/support/eventually.js';
import { takeDeadLetters, waitingIn } from '../end-to-end/support/servers.js';
import { type Edits, WholePath } from './whole-path.js';

/** Batches wait for so long that consumers hold something at nearly every moment: the queue is never quiet. */
const SLOW_BATCHES: Edits = [['batch: { size: 10, interval: 300ms }', 'batch: { size: 1000, interval: 4s }']];

const amqpUrl = () => inject('amqpUrl');
const queueOf = ({ name }: WholePath) => `${name}.customer`;
const waiting = (path: WholePath) => waitingIn(amqpUrl(), queueOf(path));
const stopConsumers = async (path: WholePath) => {
  for (const consumer of path.consumers.splice(0)) await consumer.stop();
};
const lost = async ({ producer }: WholePath): Promise<number> => {
  const text = (await producer?.registry.metrics()) ?? '';
  return Number(/^tributary_lost_records_total\{.*\} (\d+)$/m.exec(text)?.[1] ?? 0);
};

/** @param work what happens while ten records a second come; it ends that */
async function underTraffic(consumers: number, work: (path: WholePath, end: () => void) => Promise<void>) {
  const path = await WholePath.begin({ sink: 'csv', edits: SLOW_BATCHES });
  let traffic: NodeJS.Timeout | undefined;
  try {
    path.change(20);
    await path.start(consumers);
    await path.settled();
    let next = 20;
    traffic = setInterval(() => path.change(1, next++), 100);
    await work(path, () => clearInterval(traffic));
  } finally {
    clearInterval(traffic);
    await path.end();
  }
}

/** The services run in this process, on real servers. The tests mostly wait, so they run side by side. */
describe.concurrent('records that RabbitMQ loses while others keep coming', { timeout: 240_000 }, () => {
  test('are noticed within two minutes, told, and polled again: 200 of a backlog were purged', () =>
    underTraffic(1, async (path, end) => {
      await stopConsumers(path);
      path.change(250, 10_000);
      await eventually(async () => expect(await waiting(path)).toBeGreaterThan(200));
      const operator = await connect(amqpUrl());
      const { messageCount } = await (await operator.createChannel()).purgeQueue(queueOf(path));
      await operator.close();
      for (const name of ['one', 'two']) await path.startConsumer(name);
      await eventually(async () => expect(await lost(path)).toBeGreaterThanOrEqual(messageCount), 200, 120_000);
      end();
      await path.settled();
    }));

  test('are none where consumers are slow, late or silent, hold what cannot land, or give back what they held', () =>
    underTraffic(2, async (path, end) => {
      // These go to the dead letters.
      path.change(1, 9_000);
      for (const [id, customer] of [...path.customers].slice(-1)) {
        for (const bad of [`bad ${id}`, `worse ${id}`]) {
          path.customers.set(bad, { ...customer, id: bad, lines: [{ sku: 'S1', quantity: 1.5 }] });
        }
      }
      // As a consumer that is suspended: it takes messages, says nothing, and RabbitMQ delivers them again when it is gone.
      const silent = await connect(amqpUrl());
      const channel = await silent.createChannel();
      await channel.prefetch(20);
      let taken = 0;
      await channel.consume(queueOf(path), () => {
        taken += 1;
      });
      await eventually(() => expect(taken).toBe(20));
      await eventually(async () => {
        const { problems } = (await (await fetch(`${path.producer?.url}/readyz`)).json()) as { problems: string[] };
        expect(problems.join()).toMatch(/of 3 consumers of queue .*, 1 is none of this pipeline's, or hangs/);
      });
      await silent.close();
      // A consumer that begins late, with a backlog before it.
      await stopConsumers(path);
      path.change(150, 10_000);
      await eventually(async () => expect(await waiting(path)).toBeGreaterThan(150));
      await path.startConsumer('late');
      await eventually(async () => expect(await waiting(path)).toBe(0));
      end();
      for (const id of ['bad C9000', 'worse C9000']) expect(path.customers.delete(id)).toBe(true);
      await path.settled();
      expect(await lost(path)).toBe(0);
      expect(await takeDeadLetters(amqpUrl(), queueOf(path))).toHaveLength(2);
    }));
});
