import { z } from 'zod';
import { endpointSchema } from './endpoint.js';
import { fieldSchema } from './fields.js';
import { sinkSchema } from './kinds/sinks.js';
import { duration, name } from './values.js';

const endpointId = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'expected letters, digits, dots, dashes');
const queueName = z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, 'expected letters, digits, dots, dashes, underscores');

const entity = z.strictObject({
  dataset: name,
  queue: queueName,
  key: z.string().min(1),
  /** The field that grows with each change of a record; without one, the time of the fetch decides what is newer. */
  version: z.string().min(1).optional(),
  fields: z.record(z.string().regex(/^[^_\s]\S*$/, 'field names may not begin with an underscore'), fieldSchema),
});

const hostLimits = {
  /** Requests at a time to one host. */
  concurrency: z.int().min(1).max(1_000).default(8),
  /** Requests a second to one host, evenly spread; as many as it can take unless given. */
  requestsPerSecond: z.number().positive().max(10_000).optional(),
};

const limits = z.strictObject({
  /** Requests at a time, to all hosts together. */
  concurrency: z.int().min(1).max(1_000).default(32),
  perHost: z.strictObject(hostLimits).prefault({}),
  /** For hosts that need other limits, by name as in the URL, with the port if it has one: `api.example.org`. */
  hosts: z.record(z.string(), z.strictObject(hostLimits)).default({}),
});

/** `customer.name`, `line.quantity`: a column of one side of the merge. */
const source = z.string().regex(/^[a-z][a-z0-9_]*\.[^.\s]+$/, 'expected ENTITY.FIELD or line.FIELD');

const merge = z.strictObject({
  /** The side with the lines (customers) and the field that holds them. */
  each: z.strictObject({ entity: z.string(), lines: z.string() }),
  /** The side that a line points at (inventory) and the line's field that holds that side's key. */
  with: z.strictObject({ entity: z.string(), on: z.string() }),
  columns: z.record(
    name,
    z.union([
      source,
      z.strictObject({ multiply: z.tuple([source, source]), decimals: z.int().min(0).max(9).default(2) }),
      z.strictObject({ atLeast: z.tuple([source, source]) }),
    ]),
  ),
});

const isNotEmpty = (mapping: object): boolean => Object.keys(mapping).length > 0;

/** The shape of pipeline.yaml, before the parts are checked against each other (load.ts does that). */
export const pipelineSchema = z.strictObject({
  /** Names the exchange and prefixes every Redis key, so that two pipelines can share both servers. */
  name: name.default('tributary'),
  entities: z.record(name, entity).refine(isNotEmpty, 'expected at least one entity'),
  endpoints: z.record(endpointId, endpointSchema),
  /** What one producer asks of the world at a time. */
  limits: limits.prefault({}),
  /** By the dataset that its rows make. */
  merges: z
    .record(name, merge)
    .default({})
    .transform((merges) => Object.entries(merges).map(([dataset, settings]) => ({ dataset, ...settings }))),
  batch: z
    .strictObject({
      size: z.int().min(1).max(2_000).default(10),
      // RabbitMQ takes a delivery back that is held for 30 minutes (consumer_timeout).
      interval: duration.refine((ms) => ms <= 15 * 60_000, 'expected at most 15m').default(30_000),
    })
    .prefault({}),
  sink: sinkSchema.prefault({}),
});

/** As a person writes it. */
export type PipelineInput = z.input<typeof pipelineSchema>;
export type PipelineConfig = z.output<typeof pipelineSchema>;
export type EntityConfig = PipelineConfig['entities'][string];
export type EndpointConfig = PipelineConfig['endpoints'][string];
export type ScheduleConfig = EndpointConfig['schedule'];
export type LimitsConfig = PipelineConfig['limits'];
export type TlsConfig = NonNullable<EndpointConfig['tls']>;
export type MergeConfig = PipelineConfig['merges'][number];
export type BatchConfig = PipelineConfig['batch'];
