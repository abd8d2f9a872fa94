import { z } from 'zod';
import { UNKNOWN_FIELDS, UNKNOWN_FIELDS_KINDS } from '../records/unknown-fields.js';
import { aggregateSchema } from './aggregate.js';
import { alertsSchema } from './alerts.js';
import { batchSchema } from './batch.js';
import { endpointSchema } from './endpoint.js';
import { exportSchema } from './export.js';
import { DEFAULT_MAX_LENGTH, type Field, fieldSchema } from './fields.js';
import type { AlertChannelKind } from './kinds/alert-channels.js';
import type { AlertConditionKind } from './kinds/alert-conditions.js';
import { sinkSchema } from './kinds/sinks.js';
import type { SourceKind, USUAL_SOURCE } from './kinds/sources.js';
import { limitsSchema } from './limits.js';
import { mergeSchema } from './merge.js';
import { packSchema } from './pack.js';
import { retentionSchema } from './retention.js';
import { name } from './values.js';

const endpointId = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'expected letters, digits, dots, dashes');
const queueName = z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, 'expected letters, digits, dots, dashes, underscores');

const entityAsWritten = z
  .strictObject({
    dataset: name.describe('Where its records land: the name of a folder of CSV files, or of a table'),
    queue: queueName.describe('The RabbitMQ queue that its records travel through; dead letters go to `<queue>.dead`'),
    key: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
        error: 'expected the name of a field, or a list of names',
      })
      .describe(
        'The field that names a record: a string, an integer, a date or a datetime, not optional. Several fields, `[shop, number]`, where one alone does not name it',
      ),
    version: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The field that grows with each change of a record: a datetime, an integer or a string that sorts. Without it, the record that was fetched later is the newer one',
      ),
    fields: z
      .record(z.string().regex(/^[^_\s]\S*$/, 'field names may not begin with an underscore'), fieldSchema)
      .describe('What a record holds; a field that is not declared is left out'),
    unknownFields: z
      .enum(UNKNOWN_FIELDS_KINDS, { error: 'expected tell, keep or refuse' })
      .default('tell')
      .describe(
        'What becomes of fields that are not declared: `tell` logs each once, `keep` puts them as JSON into the column `unknown_fields`, `refuse` makes dead letters of their records',
      ),
  })
  .check(({ value: { unknownFields, fields }, issues }) => {
    if (unknownFields === 'tell' || !Object.hasOwn(fields, UNKNOWN_FIELDS)) return;
    const message = 'unknownFields gathers fields under this name: rename the field';
    issues.push({ code: 'custom', input: fields, path: ['fields', UNKNOWN_FIELDS], message });
  });

/** With `keep`, the column that holds them is a field like any other to whatever writes, reads or hashes rows. */
function withUnknownFields<Config extends z.output<typeof entityAsWritten>>(config: Config): Config {
  if (config.unknownFields !== 'keep') return config;
  const kept: Field = { type: 'json', optional: true, maxLength: DEFAULT_MAX_LENGTH };
  return { ...config, fields: { ...config.fields, [UNKNOWN_FIELDS]: kept } };
}

const entity = entityAsWritten.transform((config) => withUnknownFields(config));

const isNotEmpty = (mapping: object): boolean => Object.keys(mapping).length > 0;

/** The shape of pipeline.yaml, before the parts are checked against each other (load.ts does that). */
export const pipelineSchema = z.strictObject({
  name: name
    .default('tributary')
    .describe('Names the exchange and begins every Redis key, so that several pipelines can share both servers'),
  entities: z
    .record(name, entity)
    .refine(isNotEmpty, 'expected at least one entity')
    .describe('What the records are, by name: `customer`'),
  endpoints: z.record(endpointId, endpointSchema).describe('What is polled, by name: `crm-customers`'),
  limits: limitsSchema.prefault({}).describe('How much one producer asks of the APIs at a time'),
  merges: z
    .record(name, mergeSchema)
    .default({})
    .transform((merges) => Object.entries(merges).map(([dataset, settings]) => ({ dataset, ...settings })))
    .describe(
      'Joins the lines of one entity, or its records, with one or several others, by the dataset that the rows make. There may be any number, and an entity may ' +
        'stand in several',
    ),
  aggregates: z
    .record(name, aggregateSchema)
    .default({})
    .transform((aggregates) => Object.entries(aggregates).map(([dataset, settings]) => ({ dataset, ...settings })))
    .describe(
      'Groups of the rows of a dataset, with counts and sums that are kept up to date, by the dataset that the groups make',
    ),
  pack: packSchema.prefault({}).describe('How many records share a message while RabbitMQ does not keep up with them'),
  batch: batchSchema.prefault({}).describe('When records are written: a batch is one durable write'),
  sink: sinkSchema.prefault({}).describe('Where the rows land'),
  retention: retentionSchema
    .prefault({})
    .describe('How long records, their older states and dead letters are kept. For ever without it'),
  exports: z
    .record(name, exportSchema)
    .default({})
    .describe(
      'Files that are made of the datasets, by name: on a schedule, by `npx tributary export NAME`, or from the dashboard',
    ),
  alerts: alertsSchema.prefault({}).describe('What people are told when something is wrong, and how'),
});

type Written = z.input<typeof pipelineSchema>;
/** An endpoint that does not name its source has the usual one. */
type EndpointInput<E> = E extends { source: typeof USUAL_SOURCE } ? Omit<E, 'source'> & Partial<Pick<E, 'source'>> : E;
/** As a person writes it. */
export type PipelineInput = Omit<Written, 'endpoints'> & {
  endpoints: Record<string, EndpointInput<Written['endpoints'][string]>>;
};
export type EntityConfig = PipelineConfig['entities'][string];
type Parsed = z.output<typeof pipelineSchema>;
/** Not every source can be asked for what is new. */
type WithIncremental<E> = E extends { readonly incremental?: unknown } ? E : E & { readonly incremental?: undefined };
export type EndpointConfig = WithIncremental<Parsed['endpoints'][string]>;
export interface PipelineConfig extends Omit<Parsed, 'endpoints'> {
  endpoints: Record<string, EndpointConfig>;
}
/** An endpoint whose source is of one kind. */
export type EndpointOf<K extends SourceKind> = Extract<EndpointConfig, { readonly source: K }>;
export type ScheduleConfig = EndpointConfig['schedule'];
export type LimitsConfig = PipelineConfig['limits'];
export type TlsConfig = NonNullable<EndpointOf<'rest'>['tls']>;
export type MergeConfig = PipelineConfig['merges'][number];
export type AggregateConfig = PipelineConfig['aggregates'][number];
export type ExportConfig = PipelineConfig['exports'][string];
export type RetentionConfig = PipelineConfig['retention'];
export type BatchConfig = PipelineConfig['batch'];
export type AlertsConfig = PipelineConfig['alerts'];
export type AlertRule = AlertsConfig['rules'][string];
export type AlertRuleOf<K extends AlertConditionKind> = Extract<AlertRule, { readonly when: K }>;
export type AlertChannel = AlertsConfig['channels'][string];
export type AlertChannelOf<K extends AlertChannelKind> = Extract<AlertChannel, { readonly type: K }>;
