import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Drained } from '../bare/drain.js';
import type { DrainOrder } from '../bare/drain-thread.js';
import { publishBarely } from '../bare/publish.js';
import { type Bench, sizeOf, warmUpOf } from '../bench.js';
import { emptyAll } from '../consumers.js';
import { type CpuSeconds, withCpu } from '../cpu.js';
import type { Figure } from '../figure.js';
import { flow } from '../flow.js';
import { interleave } from '../interleave.js';
import { describeLatency, measureLatency } from '../latency.js';
import { customerMessages, type Message } from '../messages.js';
import { pagesOf } from '../pages.js';

export const endToEnd: Figure = {
  name: 'e2e',
  unit: 'records/s',
  sentence:
    'From HTTP page to durable CSV row, producer and consumer at the same time. The limit is amqplib on both sides.',
  async measure(bench) {
    const { records, rounds } = sizeOf(bench, {
      quick: { records: 100_000, rounds: 1 },
      full: { records: 100_000, rounds: 5 },
    });
    const messages = customerMessages({ count: records });
    let cpu: CpuSeconds = {};
    const speed = await interleave(bench, 'e2e', rounds, {
      async ours() {
        const done = await flow(bench, { pages: pagesOf(messages), records, warmUp: warmUpOf(records) });
        cpu = done.cpu;
        return done.perSecond;
      },
      limit: () => passThrough(bench, messages),
    });
    const latency = await measureLatency(bench);
    return withCpu({ ...speed, more: { ...speed.more, ...latency }, detail: describeLatency(latency) }, cpu);
  },
};

/** @returns messages per second through the broker, from one amqplib to another */
async function passThrough(bench: Bench, messages: readonly Message[]): Promise<number> {
  const broker = await bench.servers.broker();
  await emptyAll(bench);
  const order: DrainOrder = { url: broker.url, queue: broker.queueOf('customer'), count: messages.length };
  const thread = new Worker(new URL('../bare/drain-thread.js', import.meta.url), { workerData: order });
  const drained = once(thread, 'message');
  while ((await broker.look('customer')).consumers === 0) {
    await Promise.race([drained, sleep(10, undefined, { signal: bench.signal })]);
  }
  const began = performance.timeOrigin + performance.now();
  await publishBarely(broker, messages);
  const [{ ended }] = (await drained) as [Drained];
  return (messages.length / (ended - began)) * 1_000;
}
