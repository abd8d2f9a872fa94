import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import { notFound } from '../http/api-error.js';
import { SEARCHES } from '../http/loads.js';
import { type Operation, operation } from '../http/operation.js';
import * as answers from './answers.js';
import { type Trace, type TraceSources, traceKey } from './trace.js';

/** Characters. The longest key is that of a merged row, which is made of two keys. */
const MAX_KEY = 2_100;
/** Milliseconds that a trace waits for the dead letters of its key. */
const DEAD_LETTERS_WITHIN = 5_000;

const WRONG_KEY = `is what to trace: 1 to ${MAX_KEY} characters`;

/**
 * The key in its dataset; without one, in the first that has it, else in the first of all.
 * @throws ApiError (404) if there is no such dataset
 */
async function find(
  sources: TraceSources,
  dataset: string | undefined,
  key: string,
  signal: AbortSignal,
): Promise<Trace> {
  const names = dataset === undefined ? sources.reader.known().map(({ name }) => name) : [dataset];
  let first: Trace | undefined;
  for (const name of names) {
    const trace = await traceKey(sources, name, key, signal);
    if (trace !== undefined && trace.total > 0) return trace;
    first ??= trace;
  }
  if (first === undefined) throw notFound(`there is no dataset "${(dataset ?? '').slice(0, 80)}" in this pipeline`);
  return first;
}

export const traceOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/trace',
    summary: 'Every version of a key, where it came from, where it is, and what was made of it',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: SEARCHES,
    query: {
      key: z.string({ error: WRONG_KEY }).min(1, WRONG_KEY).max(MAX_KEY, WRONG_KEY).describe('The key'),
      dataset: z.string().optional().describe('Its dataset; the first that has the key unless given'),
    },
    answer: answers.trace,
    async handler({ query, signal }, { config, reader, journal, listing }) {
      const trace = await find({ config, reader, journal }, query.dataset, query.key, signal);
      const { dataset } = trace;
      const queues = Object.values(config.entities).flatMap((one) => (one.dataset === dataset ? [one.queue] : []));
      const within = AbortSignal.timeout(DEAD_LETTERS_WITHIN);
      const deadLetters = await listing.ofKey(query.key, queues, within).catch(() => []);
      return { ...trace, deadLetters };
    },
  }),
];
