import { randomBytes } from 'node:crypto';
import { sizeOf } from '../bench.js';
import { type Figure, LeftOut } from '../figure.js';
import { interleave } from '../interleave.js';
import { customerMessages } from '../messages.js';
import { pagesOf } from '../pages.js';
import { rawMessages, writePipeline } from '../raw-customers.js';
import { pollOnce } from './poll.js';

export const pollHashed: Figure = {
  name: 'poll.hashed',
  unit: 'records/s',
  sentence:
    "As `poll.shaped`, with `protect: hash` on two fields that are another text in each record. The limit is the same without. Both count the records for each second of the producer's CPU.",
  async measure(bench) {
    if (bench.quick) throw new LeftOut('a quick run has too few rounds for a difference that is so small');
    const { records, rounds } = sizeOf(bench, {
      quick: { records: 100_000, rounds: 1 },
      full: { records: 100_000, rounds: 5 },
    });
    const raw = rawMessages(customerMessages({ count: records }));
    const [hashed, clear] = [writePipeline(bench, true), writePipeline(bench)];
    const PRIVACY_HASH_KEY = randomBytes(32).toString('base64');
    const poll = async (PIPELINE: string) => {
      const { perCpuSecond, perSecond } = await pollOnce(bench, pagesOf(raw), { PIPELINE, PRIVACY_HASH_KEY });
      return perCpuSecond ?? perSecond;
    };
    return await interleave(bench, 'poll.hashed', rounds, { ours: () => poll(hashed), limit: () => poll(clear) });
  },
};
