import { publishBarely } from '../bare/publish.js';
import { type Bench, sizeOf, warmUpOf } from '../bench.js';
import { emptyAll, startService } from '../consumers.js';
import type { Figure } from '../figure.js';
import { interleave } from '../interleave.js';
import { customerMessages, type Message } from '../messages.js';
import { pagesOf, servePages } from '../pages.js';
import { untilCount } from '../progress.js';

export const poll: Figure = {
  name: 'poll',
  unit: 'records/s',
  sentence: 'The producer polls pages of 100 over HTTP and publishes them, each confirmed. The limit is amqplib alone.',
  async measure(bench) {
    const { records, rounds } = sizeOf(bench, {
      quick: { records: 30_000, rounds: 2 },
      full: { records: 100_000, rounds: 5 },
    });
    const messages = customerMessages({ count: records });
    return await interleave(bench, 'poll', rounds, {
      ours: () => pollOnce(bench, messages),
      async limit() {
        await emptyAll(bench);
        return records / (await publishBarely(await bench.servers.broker(), messages));
      },
    });
  },
};

/** @returns records per second from the end of the warm-up to the last confirm */
async function pollOnce(bench: Bench, messages: readonly Message[]): Promise<number> {
  await emptyAll(bench);
  const pages = await servePages(pagesOf(messages));
  try {
    const producer = await startService(bench, 'producer', { CRM_URL: pages.url, POLL_INTERVAL: '1h' });
    await producer.ready(bench.signal);
    const confirmed = async () =>
      (await producer.metrics())('tributary_publish_confirmed_total', { queue: 'customer_data' });
    const done = await untilCount('the warm-up', warmUpOf(messages.length), confirmed, bench.signal);
    const began = performance.now();
    await untilCount('the poll', messages.length, confirmed, bench.signal);
    const seconds = (performance.now() - began) / 1_000;
    await producer.stop();
    return (messages.length - done) / seconds;
  } finally {
    await pages.close();
  }
}
