import { publishBarely } from '../bare/publish.js';
import { type Bench, sizeOf, warmUpOf } from '../bench.js';
import { emptyAll, startService } from '../consumers.js';
import { cpuSeconds } from '../cpu.js';
import type { Figure } from '../figure.js';
import { interleave } from '../interleave.js';
import { customerMessages } from '../messages.js';
import { type PagesOptions, pagesOf, servePages } from '../pages.js';
import { untilCount, WARM_UP_CHECK } from '../progress.js';

export const poll: Figure = {
  name: 'poll',
  unit: 'records/s',
  sentence: 'The producer polls pages of 100 over HTTP and publishes them, each confirmed. The limit is amqplib alone.',
  async measure(bench) {
    const { records, rounds } = sizeOf(bench, {
      quick: { records: 100_000, rounds: 1 },
      full: { records: 100_000, rounds: 5 },
    });
    const messages = customerMessages({ count: records });
    return await interleave(bench, 'poll', rounds, {
      ours: async () => (await pollOnce(bench, pagesOf(messages))).perSecond,
      async limit() {
        await emptyAll(bench);
        return records / (await publishBarely(await bench.servers.broker(), messages));
      },
    });
  },
};

/** How fast a producer was from the end of the warm-up to the last confirm. */
export interface PollSpeed {
  readonly perSecond: number;
  /** Records for each second of CPU that the producer used; undefined where that is not known. */
  readonly perCpuSecond: number | undefined;
}

/** @param environment further variables of the producer */
export async function pollOnce(
  bench: Bench,
  options: PagesOptions & { readonly records: number },
  environment: Readonly<Record<string, string>> = {},
): Promise<PollSpeed> {
  const pages = await servePages(options);
  try {
    return await publishAll(bench, options.records, { CRM_URL: pages.url, POLL_INTERVAL: '1h', ...environment });
  } finally {
    await pages.close();
  }
}

/** Starts a producer that reads and publishes so many customers. */
export async function publishAll(
  bench: Bench,
  records: number,
  environment: Readonly<Record<string, string>>,
): Promise<PollSpeed> {
  await emptyAll(bench);
  const producer = await startService(bench, 'producer', environment);
  await producer.ready(bench.signal);
  const confirmed = async () =>
    (await producer.metrics())('tributary_publish_confirmed_total', { queue: 'customer_data' });
  const done = await untilCount('the warm-up', warmUpOf(records), confirmed, bench.signal, WARM_UP_CHECK);
  const began = performance.now();
  const used = () => cpuSeconds([producer])[producer.name] ?? 0;
  const before = used();
  await untilCount('the poll', records, confirmed, bench.signal);
  const seconds = (performance.now() - began) / 1_000;
  const cpu = used() - before;
  await producer.stop();
  const counted = records - done;
  return { perSecond: counted / seconds, perCpuSecond: cpu > 0 ? counted / cpu : undefined };
}
