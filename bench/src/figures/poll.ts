import { publishBarely } from '../bare/publish.js';
import { type Bench, sizeOf, warmUpOf } from '../bench.js';
import { emptyAll, startService } from '../consumers.js';
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
      ours: () => pollOnce(bench, pagesOf(messages)),
      async limit() {
        await emptyAll(bench);
        return records / (await publishBarely(await bench.servers.broker(), messages));
      },
    });
  },
};

/**
 * @param environment further variables of the producer
 * @returns records per second from the end of the warm-up to the last confirm
 */
export async function pollOnce(
  bench: Bench,
  options: PagesOptions & { readonly records: number },
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  const pages = await servePages(options);
  try {
    return await publishAll(bench, options.records, { CRM_URL: pages.url, POLL_INTERVAL: '1h', ...environment });
  } finally {
    await pages.close();
  }
}

/**
 * Starts a producer that reads and publishes so many customers.
 * @returns records per second from the end of the warm-up to the last confirm
 */
export async function publishAll(
  bench: Bench,
  records: number,
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  await emptyAll(bench);
  const producer = await startService(bench, 'producer', environment);
  await producer.ready(bench.signal);
  const confirmed = async () =>
    (await producer.metrics())('tributary_publish_confirmed_total', { queue: 'customer_data' });
  const done = await untilCount('the warm-up', warmUpOf(records), confirmed, bench.signal, WARM_UP_CHECK);
  const began = performance.now();
  await untilCount('the poll', records, confirmed, bench.signal);
  const seconds = (performance.now() - began) / 1_000;
  await producer.stop();
  return (records - done) / seconds;
}
