import { z } from 'zod';
import { notFound } from '../http/api-error.js';
import { type Operation, operation } from '../http/operation.js';
import * as answers from './answers.js';
import { traceKey } from './trace.js';

/** Characters. The longest key is that of a merged row, which is made of two keys. */
const MAX_KEY = 2_100;
/** Milliseconds that a trace waits for the dead letters of its key. */
const DEAD_LETTERS_WITHIN = 5_000;

const WRONG_KEY = `is what to trace: 1 to ${MAX_KEY} characters`;

export const traceOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/trace',
    summary: 'Every version of a key, where it came from, where it is, and what was made of it',
    role: 'viewer',
    query: {
      key: z.string({ error: WRONG_KEY }).min(1, WRONG_KEY).max(MAX_KEY, WRONG_KEY).describe('The key'),
      dataset: z.string().optional().describe('Its dataset; the first unless given'),
    },
    answer: answers.trace,
    async handler({ query, signal }, { config, reader, journal, listing }) {
      const dataset = query.dataset ?? reader.known()[0]?.name ?? '';
      const trace = await traceKey({ config, reader, journal }, dataset, query.key, signal);
      if (trace === undefined) throw notFound(`there is no dataset "${dataset.slice(0, 80)}" in this pipeline`);
      const deadLetters = await listing.ofKey(query.key, AbortSignal.timeout(DEAD_LETTERS_WITHIN)).catch(() => []);
      return { ...trace, deadLetters };
    },
  }),
];
