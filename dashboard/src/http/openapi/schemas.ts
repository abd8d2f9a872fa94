import { z } from 'zod';
import { ROLES } from '../../access/roles.js';
import { COMPARISONS } from '../../data/readers/port.js';
import { FLOW_NAMES } from '../../flow/rates.js';

/** What the API answers. The document is made of these, and the tests hold real answers against the document. */

const count = z.int().nonnegative();
const time = z.iso.datetime();
const maybe = <T extends z.ZodType>(schema: T) => schema.nullable();

export const failure = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string() }),
});

export const session = z.strictObject({
  name: maybe(z.string()),
  role: maybe(z.enum(ROLES)),
  signedIn: z.boolean(),
  mayRead: z.boolean(),
  canSignIn: z.boolean(),
});

const column = z.strictObject({ name: z.string(), type: z.string(), optional: z.boolean(), system: z.boolean() });

const datasetSummary = z.strictObject({
  name: z.string(),
  entity: maybe(z.string()),
  key: z.string(),
  rows: count,
  keys: count,
  bytes: count,
  parts: count,
  lastWrittenAt: maybe(time),
  activity: z.array(count),
  revision: z.string(),
  indexing: maybe(z.strictObject({ done: count, total: count })),
  problems: z.array(z.string()),
});

export const datasets = z.strictObject({ sink: z.string(), instance: z.string(), datasets: z.array(datasetSummary) });

export const dataset = datasetSummary.extend({
  columns: z.array(column),
  files: z.array(z.strictObject({ name: z.string(), rows: z.number(), bytes: count })),
});

const condition = z.strictObject({ column: z.string(), is: z.enum(COMPARISONS), value: z.string() });
const selection = {
  dataset: z.string(),
  view: z.enum(['latest', 'history']),
  search: z.string(),
  where: z.array(condition),
};

export const rows = z.strictObject({
  ...selection,
  sort: maybe(z.strictObject({ column: z.string(), descending: z.boolean() })),
  order: z.enum(['newest', 'key']),
  offset: count,
  limit: count,
  columns: z.array(column),
  rows: z.array(z.array(z.unknown())),
  clipped: z.array(z.strictObject({ row: count, column: z.string(), length: count })),
  total: count,
  revision: z.string(),
});

export const facets = z.strictObject({
  ...selection,
  facets: z.array(
    z.strictObject({
      column: z.string(),
      values: z.array(
        z.strictObject({ value: z.union([z.string(), z.number(), z.boolean(), z.null()]), count: count }),
      ),
      more: count,
    }),
  ),
});

const letter = z.strictObject({
  id: z.string(),
  queue: z.string(),
  entity: z.string(),
  endpoint: z.string(),
  key: maybe(z.string()),
  messageId: z.string(),
  version: z.string(),
  run: count,
  fetchedAt: z.string(),
  deadAt: z.string(),
  code: z.string(),
  reason: z.string(),
  field: maybe(z.string()),
  size: count,
  preview: z.string(),
});

const letterFacet = z.array(z.strictObject({ value: z.string(), count: count }));
const problem = maybe(z.strictObject({ code: z.string(), message: z.string(), field: maybe(z.string()) }));

export const letters = z.strictObject({
  offset: count,
  limit: count,
  queues: z.array(z.strictObject({ queue: z.string(), entity: z.string(), letters: count })),
  letters: z.array(letter),
  total: count,
  facets: z.strictObject({ queue: letterFacet, code: letterFacet, field: letterFacet, endpoint: letterFacet }),
  complete: z.boolean(),
  looked: count,
  lookedAt: time,
});

export const wholeLetter = z.strictObject({
  letter,
  payload: z.string(),
  headers: z.record(z.string(), z.unknown()),
  valid: z.boolean(),
  problem,
});

export const judgement = z.strictObject({ valid: z.boolean(), problem });
export const acted = z.strictObject({ done: count, looked: count, complete: z.boolean() });

const tracedRun = z.strictObject({
  endpoint: z.string(),
  run: count,
  producer: z.string(),
  startedAt: time,
  endedAt: time,
  confirmedAt: maybe(time),
  published: count,
  error: maybe(z.string()),
});

export const trace = z.strictObject({
  dataset: z.string(),
  key: z.string(),
  versions: z.array(
    z.strictObject({
      deleted: z.boolean(),
      version: z.string(),
      hash: z.string(),
      messageIds: z.array(z.string()),
      fetchedAt: maybe(time),
      endpoints: z.array(z.string()),
      runs: z.array(tracedRun),
      note: maybe(z.string()),
      since: maybe(time),
      writtenAt: z.string(),
      consumer: maybe(z.string()),
      batch: maybe(z.strictObject({ rows: count, records: maybe(z.tuple([count, count])) })),
      place: z.string(),
      changes: z.array(z.strictObject({ field: z.string(), before: z.unknown(), after: z.unknown() })),
      values: z.record(z.string(), z.unknown()),
    }),
  ),
  total: count,
  seenAgain: maybe(
    z.strictObject({
      last: maybe(z.strictObject({ at: time, consumer: z.string(), verdict: z.enum(['duplicate', 'stale']) })),
      since: maybe(time),
      note: maybe(z.string()),
    }),
  ),
  merged: z.array(z.strictObject({ dataset: z.string(), rows: z.array(z.string()), total: count })),
  deadLetters: z.array(letter),
});

const instance = { address: z.string(), answers: z.boolean(), problems: z.array(z.string()) };
const rates = z.strictObject(
  Object.fromEntries(FLOW_NAMES.map((name) => [name, z.number()])) as Record<(typeof FLOW_NAMES)[number], z.ZodNumber>,
);

export const flow = z.strictObject({
  at: time,
  rates,
  endpoints: z.array(
    z.strictObject({
      id: z.string(),
      entity: z.string(),
      url: z.string(),
      schedule: z.string(),
      enabled: z.boolean(),
      paused: z.boolean(),
      running: z.boolean(),
      lastPollAt: maybe(time),
      nextPollAt: maybe(time),
      polls: count,
      failures: count,
      rate: z.number(),
      problem: maybe(z.string()),
    }),
  ),
  producers: z.array(z.strictObject(instance)),
  broker: z.strictObject({ known: z.boolean(), connected: z.boolean() }),
  queues: z.array(
    z.strictObject({
      queue: z.string(),
      entity: z.string(),
      ready: maybe(count),
      consumers: maybe(count),
      dead: maybe(count),
      rate: z.number(),
    }),
  ),
  consumers: z.array(z.strictObject({ ...instance, unsettled: count })),
  unacked: count,
  oldestUnflushed: maybe(z.number()),
  freshness: maybe(z.number()),
  sink: z.strictObject({ type: z.string(), where: z.string() }),
  datasets: z.array(datasetSummary),
  problems: z.array(z.string()),
});

export const history = z.strictObject({
  at: z.array(count),
  series: z.record(z.string(), z.array(maybe(z.number()))),
});

export const audit = z.strictObject({
  entries: z.array(
    z.looseObject({
      at: time,
      who: z.string(),
      role: z.string(),
      from: z.string(),
      action: z.string(),
      request: z.string(),
      step: z.string(),
    }),
  ),
});

export const pipeline = z.strictObject({
  name: z.string(),
  entities: z.record(
    z.string(),
    z.strictObject({
      dataset: z.string(),
      queue: z.string(),
      key: z.string(),
      version: maybe(z.string()),
      fields: z.record(z.string(), z.looseObject({ type: z.string(), optional: z.boolean() })),
    }),
  ),
  endpoints: z.array(
    z.strictObject({ id: z.string(), entity: z.string(), enabled: z.boolean(), url: z.string(), schedule: z.string() }),
  ),
  merges: z.array(z.looseObject({ dataset: z.string() })),
  batch: z.strictObject({ size: count, interval: count }),
  sink: z.enum(['csv', 'postgres']),
});

export const scenarios = z.strictObject({
  scenarios: z.array(z.strictObject({ name: z.string(), words: z.string() })),
});
export const commanded = z.strictObject({ endpoint: z.string(), command: z.string(), accepted: z.boolean() });
export const scenarioDone = z.strictObject({ scenario: z.string(), outcome: z.unknown() });
