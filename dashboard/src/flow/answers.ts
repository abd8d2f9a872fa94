import { z } from 'zod';
import { firingAlert } from '../alerts/answers.js';
import { datasetSummary } from '../data/answers.js';
import { SINK_KINDS } from '../data/readers/create.js';
import { MODES } from '../endpoints/modes.js';
import { MEASURES } from './history.js';
import { FLOW_NAMES } from './rates.js';

const count = z.int().nonnegative();
const time = z.iso.datetime();

const endpointDescription = z.strictObject({
  id: z.string(),
  entity: z.string(),
  enabled: z.boolean(),
  url: z.string(),
  schedule: z.string(),
  mode: z.enum(MODES),
});

export const endpoint = endpointDescription.extend({
  paused: z.boolean(),
  running: z.boolean(),
  lastPollAt: time.nullable(),
  nextPollAt: time.nullable(),
  polls: count,
  failures: count,
  rate: z.number(),
  isPolled: z.boolean(),
  source: z.array(z.string()),
  retrying: z.strictObject({ since: time, attempts: count, reason: z.string(), nextAttemptAt: time }).nullable(),
  problem: z.string().nullable(),
});

const queue = z.strictObject({
  queue: z.string(),
  entity: z.string(),
  ready: count.nullable(),
  records: count.nullable(),
  consumers: count.nullable(),
  dead: count.nullable(),
  rate: z.number(),
});

const instance = z.strictObject({
  address: z.string(),
  name: z.string().nullish(),
  answers: z.boolean(),
  problems: z.array(z.string()),
});

export const flow = z.strictObject({
  at: time,
  rates: z.record(z.enum(FLOW_NAMES), z.number()),
  endpoints: z.array(endpoint),
  producers: z.array(instance),
  broker: z.strictObject({ known: z.boolean(), connected: z.boolean() }),
  queues: z.array(queue),
  consumers: z.array(instance.extend({ unsettled: count })),
  unacked: count,
  oldestUnflushed: z.number().nullable(),
  freshness: z.number().nullable(),
  sink: z.strictObject({ type: z.enum(SINK_KINDS), medium: z.string(), where: z.string() }),
  datasets: z.array(datasetSummary),
  aggregates: z.array(z.strictObject({ dataset: z.string(), asOf: time })),
  alerts: z.array(firingAlert),
  problems: z.array(z.string()),
});

export const history = z.strictObject({
  at: z.array(count),
  series: z.record(z.enum(MEASURES), z.array(z.number().nullable())),
});

const scalarField = z.strictObject({ type: z.string(), optional: z.boolean(), maxLength: count });
const field = scalarField.extend({ items: z.record(z.string(), scalarField).optional() });

const entity = z.strictObject({
  dataset: z.string(),
  queue: z.string(),
  key: z.union([z.string(), z.array(z.string())]),
  version: z.string().nullable(),
  fields: z.record(z.string(), field),
});

export const pipeline = z.strictObject({
  name: z.string(),
  entities: z.record(z.string(), entity),
  endpoints: z.array(endpointDescription),
  merges: z.array(z.looseObject({ dataset: z.string() })),
  aggregates: z.array(z.strictObject({ dataset: z.string(), from: z.string() })),
  batch: z.strictObject({ size: count, interval: count }),
  sink: z.enum(SINK_KINDS),
});
