import { drainBarely } from './bare/drain.js';
import { publishBarely } from './bare/publish.js';
import type { Bench } from './bench.js';
import { emptyAll, freshSink, progressOf, startService } from './consumers.js';
import { type CpuSeconds, cpuSeconds, perMillion } from './cpu.js';
import { limitCpu } from './cpu-limit.js';
import { type Message, packed } from './messages.js';
import type { Program } from './program.js';
import { untilCount, WARM_UP_CHECK } from './progress.js';

/** A queue full of customers, and the rows that must be written. */
export interface Load {
  readonly sink: 'csv' | 'postgres';
  readonly messages: readonly Message[];
  /** How many records travel in one message, as they do when the broker does not keep up; one unless given. */
  readonly pack?: number;
  /** Messages for the other queue. */
  readonly items?: readonly Message[];
  readonly consumers: number;
  /** This many records are settled before the clock starts, because a service that has just started is slower. */
  readonly warmUp: number;
  /** The share of a core that each consumer may use; no limit unless given. */
  readonly cpuShare?: number;
  /** Rows that must be written, by dataset. If they are not, the figure has measured something else. */
  readonly rows: Readonly<Record<string, number>>;
}

export interface DrainSpeed {
  /** Customers per second that are durable and committed, or dropped as duplicates. */
  readonly perSecond: number;
  /** CPU seconds of the consumers (together) and the servers, for each million customers. */
  readonly cpu: CpuSeconds;
}

/**
 * Fills the queues, starts consumers as people start them, and measures from the end of the warm-up until the last record
 * is settled. Records of the warm-up do not count.
 * @throws Error if other rows were written than expected, or if not all messages were acknowledged
 */
export async function drainByConsumers(bench: Bench, load: Load): Promise<DrainSpeed> {
  const { messages, items = [], pack = 1 } = load;
  const broker = await bench.servers.broker();
  await emptyAll(bench);
  const sink = await freshSink(bench, load.sink);
  if (items.length > 0) await publishBarely(broker, items);
  await publishBarely(broker, pack === 1 ? messages : packed(messages, pack));

  const starting = Array.from({ length: load.consumers }, () => startService(bench, 'consumer', sink.environment));
  const consumers = await Promise.all(starting);
  // Not by RabbitMQ's count: one that changes its prefetch is there twice for a moment.
  await Promise.all(consumers.map((consumer) => consumer.ready(bench.signal)));
  if (load.cpuShare !== undefined) {
    for (const { pid } of consumers) limitCpu(pid, load.cpuShare, bench.release);
  }
  const settled = async () => (await progressOf(consumers, 'customer')).settled;
  const done = await untilCount('the warm-up', load.warmUp, settled, bench.signal, WARM_UP_CHECK);
  if (done > messages.length * 0.75)
    throw new Error(`${done} of ${messages.length} records were settled before the clock started: take more of them`);
  const began = performance.now();
  const before = cpuSeconds(consumers);
  await untilCount('the drain', messages.length, settled, bench.signal);
  const seconds = (performance.now() - began) / 1_000;
  const after = cpuSeconds(consumers);

  await checkRows(bench, consumers, load.rows);
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  sink.remove();
  const { waiting } = await broker.look('customer');
  if (waiting > 0) throw new Error(`${waiting} messages are in the queue again although they were settled`);
  const counted = messages.length - done;
  return { perSecond: counted / seconds, cpu: perMillion(before, after, counted) };
}

/** The most messages per second that the same queue can deliver. */
export async function drainLimit(bench: Bench, messages: readonly Message[]): Promise<number> {
  const broker = await bench.servers.broker();
  await emptyAll(bench);
  await publishBarely(broker, messages);
  const { began, ended } = await drainBarely(broker.url, broker.queueOf('customer'), messages.length);
  return (messages.length / (ended - began)) * 1_000;
}

async function checkRows(bench: Bench, consumers: readonly Program[], expected: Load['rows']): Promise<void> {
  for (const [dataset, rows] of Object.entries(expected)) {
    // The other queue may be slightly behind.
    const written = async () => (await progressOf(consumers, 'customer')).rows(dataset);
    await untilCount(`rows of ${dataset}`, rows, written, bench.signal);
    const found = await written();
    if (found !== rows) throw new Error(`${found} rows of ${dataset} were written, expected ${rows}`);
  }
}
