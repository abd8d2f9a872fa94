import type { Bench } from './bench.js';
import { beginAnew, freshSink, standingOf, startService } from './consumers.js';
import { type CpuSeconds, cpuSeconds, perMillion } from './cpu.js';
import { type PagesOptions, servePages } from './pages.js';
import type { Program } from './program.js';
import { untilCount } from './progress.js';

/** Records on their whole way, through one producer and one consumer. */
export interface Flow {
  readonly pages: PagesOptions;
  readonly records: number;
  /** So many are through before the clock starts. */
  readonly warmUp: number;
  /** Of the consumer, beside the servers and its sink. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Called again and again while they flow. */
  readonly watch?: (producer: Program, consumer: Program) => Promise<void>;
  /** Called when all have landed, before the output goes. */
  readonly landed?: (output: string, consumer: Program) => Promise<void>;
}

export interface FlowSpeed {
  readonly perSecond: number;
  /** Of producer, consumer and servers, for each million of records. */
  readonly cpu: CpuSeconds;
}

/** Measures from the end of the warm-up until the last record's row is durable and committed. */
export async function flow(
  bench: Bench,
  { pages, records, warmUp, environment, watch, landed }: Flow,
): Promise<FlowSpeed> {
  await beginAnew(bench);
  const sink = await freshSink(bench, 'csv');
  const programs: Program[] = [];
  const api = await servePages(pages);
  try {
    const consumer = await startService(bench, 'consumer', { ...sink.environment, ...environment });
    programs.push(consumer);
    await consumer.ready(bench.signal);
    const producer = await startService(bench, 'producer', { CRM_URL: api.url, POLL_INTERVAL: '1h' });
    programs.push(producer);
    await producer.ready(bench.signal);
    const settled = async () => {
      await watch?.(producer, consumer);
      const hopeless = producer.hopeless();
      if (hopeless !== undefined) throw new Error(`producer: ${hopeless}`);
      return (await standingOf([consumer], 'customer')).settled;
    };
    const done = await untilCount('the warm-up', warmUp, settled, bench.signal);
    const began = performance.now();
    const before = cpuSeconds(programs);
    await untilCount('the flow', records, settled, bench.signal);
    const seconds = (performance.now() - began) / 1_000;
    const counted = records - done;
    const cpu = perMillion(before, cpuSeconds(programs), counted);
    await landed?.(sink.folder, consumer);
    await Promise.all([producer.stop(), consumer.stop()]);
    return { perSecond: counted / seconds, cpu };
  } finally {
    await api.close();
    sink.remove();
  }
}
