import { z } from 'zod';
import { fieldSchema } from './fields.js';

/** A span of time as people write it: `500ms`, `30s`, `5m`, `12h`, `7d`. Parsed to milliseconds. */
export const duration = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/, 'expected a duration such as 500ms, 30s, 5m, 12h or 7d')
  .transform((text) => {
    const [, amount = '0', unit = 'ms'] = /^([\d.]+)(ms|s|m|h|d)$/.exec(text) ?? [];
    const factors: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
    return Math.round(Number(amount) * (factors[unit] ?? 1));
  })
  .refine((milliseconds) => milliseconds <= 2 ** 31 - 1, 'longer than 24 days, which Node timers cannot hold');

/** A size as people write it: `512KB`, `64MB`, `1GB` (powers of 1024), or a plain number of bytes. */
export const bytes = z
  .union([z.int().positive(), z.string().regex(/^\d+(\.\d+)?(B|KB|MB|GB)$/, 'expected a size such as 64MB')])
  .transform((size) => {
    if (typeof size === 'number') return size;
    const [, amount = '0', unit = 'B'] = /^([\d.]+)(B|KB|MB|GB)$/.exec(size) ?? [];
    return Math.round(Number(amount) * 1024 ** ['B', 'KB', 'MB', 'GB'].indexOf(unit));
  });

const name = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'expected a lower-case name: letters, digits, underscores');
const endpointId = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'expected letters, digits, dots, dashes');
const queueName = z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, 'expected letters, digits, dots, dashes, underscores');

/** Where a value lies in a JSON body: `$` is the body itself, `$.data.items` a path of property names. */
const bodyPath = z.string().regex(/^\$(\.[A-Za-z0-9_-]+)*$/, 'expected a path such as $, $.data or $.meta.next');

const entity = z.strictObject({
  dataset: name,
  queue: queueName,
  key: z.string().min(1),
  /** The field that grows with each change of a record; without one, the time of the fetch decides what is newer. */
  version: z.string().min(1).optional(),
  fields: z.record(z.string().regex(/^[^_\s]\S*$/, 'field names may not begin with an underscore'), fieldSchema),
});

const pageSize = { sizeParameter: z.string().optional(), size: z.int().positive().optional() };

const paging = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({ type: z.literal('cursor'), parameter: z.string().default('cursor'), next: bodyPath, ...pageSize }),
  z.strictObject({
    type: z.literal('page'),
    parameter: z.string().default('page'),
    first: z.int().nonnegative().default(1),
    sizeParameter: z.string().optional(),
    size: z.int().positive(),
  }),
  z.strictObject({
    type: z.literal('offset'),
    parameter: z.string().default('offset'),
    sizeParameter: z.string().default('limit'),
    size: z.int().positive(),
  }),
  z.strictObject({ type: z.literal('link'), ...pageSize }),
  z.strictObject({ type: z.literal('next-url'), next: bodyPath, ...pageSize }),
]);

const schedule = z.union([
  z.strictObject({ every: duration }),
  z.strictObject({ cron: z.string().min(9), timezone: z.string().default('UTC') }),
  z.strictObject({ once: z.literal(true) }),
]);

const endpoint = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }),
  entity: z.string(),
  enabled: z.boolean().default(true),
  schedule: schedule.default({ every: 60_000 }),
  items: bodyPath.default('$'),
  paging: paging.default({ type: 'none' }),
  incremental: z
    .strictObject({
      parameter: z.string(),
      /** How far before the newest record seen the next poll begins again, for writers whose clocks run late. */
      overlap: duration.default(5_000),
    })
    .optional(),
  headers: z.record(z.string(), z.string()).default({}),
  query: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).default({}),
  retries: z.int().min(0).max(10).default(3),
  retryDelay: duration.default(2_000),
  timeout: duration.default(30_000),
  maxPages: z.int().positive().default(100_000),
  maxBodySize: bytes.default(64 * 1024 * 1024),
});

/** `customer.name`, `line.quantity`: a column of one side of the merge. */
const source = z.string().regex(/^[a-z][a-z0-9_]*\.[^.\s]+$/, 'expected ENTITY.FIELD or line.FIELD');

const merge = z.strictObject({
  dataset: name,
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

const sink = z.strictObject({
  type: z.enum(['csv', 'postgres'], { error: 'expected csv or postgres' }).default('csv'),
  csv: z
    .strictObject({
      directory: z.string().min(1).default('./output'),
      /** Put a ' before cells that a spreadsheet would run as a formula (OWASP, CSV injection). */
      neutraliseFormulas: z.boolean().default(true),
      maxPartSize: bytes.default(64 * 1024 * 1024),
    })
    .prefault({}),
  postgres: z.strictObject({ schema: name.default('public'), history: z.boolean().default(false) }).prefault({}),
});

/** The shape of pipeline.yaml, before the parts are checked against each other (load.ts does that). */
export const pipelineSchema = z.strictObject({
  /** Names the exchange and prefixes every Redis key, so that two pipelines can share both servers. */
  name: name.default('tributary'),
  entities: z.record(name, entity),
  endpoints: z.record(endpointId, endpoint),
  merge: merge.optional(),
  batch: z
    .strictObject({
      size: z.int().min(1).max(2_000).default(10),
      // RabbitMQ takes a delivery back that is held for 30 minutes (consumer_timeout).
      interval: duration.refine((ms) => ms <= 15 * 60_000, 'expected at most 15m').default(30_000),
    })
    .prefault({}),
  sink: sink.prefault({}),
});

export type PipelineConfig = z.output<typeof pipelineSchema>;
export type EntityConfig = PipelineConfig['entities'][string];
export type EndpointConfig = PipelineConfig['endpoints'][string];
export type PagingConfig = EndpointConfig['paging'];
export type ScheduleConfig = EndpointConfig['schedule'];
export type MergeConfig = NonNullable<PipelineConfig['merge']>;
export type SinkConfig = PipelineConfig['sink'];
export type BatchConfig = PipelineConfig['batch'];
