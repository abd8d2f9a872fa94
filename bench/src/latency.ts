import { listParts, readPart } from '@tributary/shared';
import { type Bench, sizeOf } from './bench.js';
import { flow } from './flow.js';
import { customerMessages, timeOfMessage } from './messages.js';
import { pagesOf } from './pages.js';
import { percentile } from './statistics.js';

export interface Latency {
  /** Milliseconds from the fetch of a record to the write of its row. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Milliseconds from the write until the row is durable, committed and acknowledged, on average. */
  readonly flushMs: number;
  /** The share of records that were durable within 500 ms, by the consumer's own histogram. */
  readonly within500Ms: number;
}

/** This many records come at a time, every so many milliseconds: 1,000 a second. With 97, the last batch is never full. */
const BURST = 97;

/** How long each record takes at 1,000 records a second, with a flush interval of 200 ms. */
export async function measureLatency(bench: Bench): Promise<Latency> {
  const { records } = sizeOf(bench, { quick: { records: 6_000, rounds: 1 }, full: { records: 60_000, rounds: 1 } });
  const pages = pagesOf(customerMessages({ count: records }), BURST);
  let waits: number[] = [];
  let flushMs = 0;
  let within = 0;
  await flow(bench, {
    records,
    warmUp: 0,
    pages: { ...pages, due: (number) => number * BURST },
    environment: { BATCH_INTERVAL: '200ms' },
    async onWritten(output, consumer) {
      waits = await readWaits(output);
      const metrics = await consumer.metrics();
      flushMs = (metrics('tributary_flush_seconds_sum') / metrics('tributary_flush_seconds_count')) * 1_000;
      within = metrics('tributary_latency_seconds_bucket', { le: '0.5' });
    },
  });
  return {
    p50Ms: percentile(waits, 0.5),
    p95Ms: percentile(waits, 0.95),
    p99Ms: percentile(waits, 0.99),
    maxMs: percentile(waits, 1),
    flushMs: Math.round(flushMs * 10) / 10,
    within500Ms: within / records,
  };
}

export const describeLatency = ({ p50Ms, p95Ms, p99Ms, flushMs }: Latency): string =>
  `at 1,000/s from fetch to write p50 ${p50Ms} ms, p95 ${p95Ms} ms, p99 ${p99Ms} ms, then ${flushMs} ms to flush`;

/** Milliseconds at the start that do not count, because services and queues have just started. */
const WARM_UP = 2_000;

/** For each row, the milliseconds from its message to its write. The message is made when its page has been read. */
async function readWaits(output: string): Promise<number[]> {
  const rows: { made: number; written: number }[] = [];
  for (const { path } of await listParts(output, 'customers')) {
    for await (const { _message_id: id = '', _written_at: writtenAt = '' } of readPart(path)) {
      rows.push({ made: timeOfMessage(id), written: Date.parse(writtenAt) });
    }
  }
  const began = Math.min(...rows.map(({ made }) => made)) + WARM_UP;
  return rows.filter(({ made }) => made >= began).map(({ made, written }) => written - made);
}
