import { publishBarely } from '../bare/publish.js';
import { sizeOf } from '../bench.js';
import { emptyAll } from '../consumers.js';
import type { Figure } from '../figure.js';
import { interleave } from '../interleave.js';
import { customerMessages } from '../messages.js';
import { pagesOf } from '../pages.js';
import { rawMessages, writePipeline } from '../raw-customers.js';
import { pollOnce } from './poll.js';

export const pollShaped: Figure = {
  name: 'poll.shaped',
  unit: 'records/s',
  sentence:
    'As `poll`, with records of another shape: eleven fields are found by paths and converted, one is computed, and `where` looks at each. The limit is amqplib alone, with the records as they are published.',
  async measure(bench) {
    const { records, rounds } = sizeOf(bench, {
      quick: { records: 100_000, rounds: 1 },
      full: { records: 100_000, rounds: 5 },
    });
    const messages = customerMessages({ count: records });
    const raw = rawMessages(messages);
    const environment = { PIPELINE: writePipeline(bench) };
    return await interleave(bench, 'poll.shaped', rounds, {
      ours: async () => (await pollOnce(bench, pagesOf(raw), environment)).perSecond,
      async limit() {
        await emptyAll(bench);
        return records / (await publishBarely(await bench.servers.broker(), messages));
      },
    });
  },
};
