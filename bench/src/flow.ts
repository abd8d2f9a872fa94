import type { Bench } from './bench.js';
import { emptyAll, freshSink, progressOf, startService } from './consumers.js';
import { type CpuSeconds, cpuSeconds, perMillion } from './cpu.js';
import { type PagesOptions, servePages } from './pages.js';
import type { Program } from './program.js';
import { untilCount, WARM_UP_CHECK } from './progress.js';

/** Records on the whole path, through one producer and one consumer. */
export interface Flow {
  readonly pages: PagesOptions;
  readonly records: number;
  /** This many records are settled before the clock starts. */
  readonly warmUp: number;
  /** Further variables of the consumer. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Called repeatedly while records flow. */
  readonly watch?: (producer: Program, consumer: Program) => Promise<void>;
  /** Called when all rows are written, before the output is removed. */
  readonly onWritten?: (output: string, consumer: Program) => Promise<void>;
}

export interface FlowSpeed {
  readonly perSecond: number;
  /** CPU seconds of producer, consumer and servers, for each million records. */
  readonly cpu: CpuSeconds;
}

/** Measures from the end of the warm-up until the row of the last record is durable and committed. */
export async function flow(
  bench: Bench,
  { pages, records, warmUp, environment, watch, onWritten }: Flow,
): Promise<FlowSpeed> {
  await emptyAll(bench);
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
      return (await progressOf([consumer], 'customer')).settled;
    };
    const done = await untilCount('the warm-up', warmUp, settled, bench.signal, WARM_UP_CHECK);
    const began = performance.now();
    const before = cpuSeconds(programs);
    await untilCount('the flow', records, settled, bench.signal);
    const seconds = (performance.now() - began) / 1_000;
    const counted = records - done;
    const cpu = perMillion(before, cpuSeconds(programs), counted);
    await onWritten?.(sink.folder, consumer);
    await Promise.all([producer.stop(), consumer.stop()]);
    return { perSecond: counted / seconds, cpu };
  } finally {
    await api.close();
    sink.remove();
  }
}
