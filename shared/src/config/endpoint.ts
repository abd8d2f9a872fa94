import { z } from 'zod';
import { mapSchema } from './fields.js';
import { SOURCES, USUAL_SOURCE } from './kinds/sources.js';
import { choiceOf } from './kinds/table.js';
import { besideSchema } from './kinds/webhook.js';
import { duration, scalar } from './values.js';

const REPEATED = [
  z
    .strictObject({ every: duration.describe('From the beginning of one poll to that of the next') })
    .describe('Again and again'),
  z
    .strictObject({
      cron: z.string().min(9).describe('A cron expression of five fields, or six with seconds first'),
      timezone: z.string().default('UTC').describe('Time zone of the expression, such as Europe/Rome'),
    })
    .describe('At the times that a cron expression names'),
] as const;

/** When something is done. */
export const schedule = z.union(
  [
    ...REPEATED,
    z
      .strictObject({ once: z.literal(true).describe('Always true') })
      .describe('Until one poll has succeeded, and then never again'),
  ],
  {
    error: 'expected { every: 30s }, { cron: "*/5 * * * *", timezone: Europe/Rome } or { once: true }',
  },
);

const circuit = z.strictObject({
  failures: z.int().min(1).max(100).default(5).describe('Failed polls in a row after which the endpoint is left alone'),
  pause: duration
    .prefault('1m')
    .describe(
      'How long it is left alone; then one request is tried, and each trial that fails doubles the pause, up to 16 times',
    ),
});

const AT_MOST = 'expected a share such as "20 %", or all';

const deletes = z.strictObject({
  when: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A CEL expression over the fields of a record, and over `raw`; a record for which it is true is deleted from its dataset',
    ),
  missing: z
    .boolean()
    .default(false)
    .describe('Deletes what a complete walk over all pages did not bring, and an earlier poll of this endpoint did'),
  atMost: z
    .union(
      [
        z
          .string()
          .regex(/^(\d|[1-9]\d|100)(\.\d+)?\s*%$/, AT_MOST)
          .transform((text) => Number.parseFloat(text) / 100)
          .refine((share) => share <= 1, AT_MOST),
        z.literal('all'),
      ],
      { error: AT_MOST },
    )
    .optional()
    .describe(
      'For `missing`: if more than this share of what was there is missing, nothing is deleted, and that is told; 20 % unless given. ' +
        'A single record may always go; all of them only with `all`',
    ),
});

export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const;

/** The settings that every endpoint has, whatever its source. */
const common = {
  entity: z.string().describe('The entity that its records are'),
  enabled: z.boolean().default(true).describe('Whether it is polled'),
  priority: z
    .enum(PRIORITIES)
    .default('normal')
    .describe('Whose requests go first where requests wait for each other (see limits)'),
  schedule: schedule.prefault({ every: '60s' }).describe('When it is polled'),
  resync: z
    .union(REPEATED, { error: 'expected { every: 24h } or { cron: "0 3 * * *" }' })
    .optional()
    .describe(
      'When every record is read again, whatever was read before: for an API that does not report every change. Never unless given',
    ),
  parent: z
    .strictObject({ endpoint: z.string().describe('The endpoint whose records it is polled for') })
    .optional()
    .describe(
      'Polled within each run of the parent, once for each record that the run brings; {{parent.id}} and other paths of the ' +
        'raw record stand in its request. Its own schedule is not used',
    ),
  for: z
    .record(
      z.string().regex(/^[a-z][a-zA-Z0-9_]*$/, 'expected a name of letters, digits and underscores'),
      z.array(scalar).min(1),
    )
    .default({})
    .describe(
      'Lists of values for placeholders: the endpoint is polled for each, under a name that ends in it, such as orders.eu',
    ),
  where: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A CEL expression over the fields of a record, and over `raw`, the record as the API sent it; records for which it is false are left out',
    ),
  deletes: deletes
    .optional()
    .describe('How records that the API deletes are deleted from their dataset; unless given, they stay there'),
  map: mapSchema
    .default({})
    .describe("Field paths for this endpoint; they replace the entity's paths: `total: $.amount`"),
  webhook: besideSchema
    .optional()
    .describe(
      'The endpoint is told of changes too: a service sends its events to `POST /hooks/ID`, and what is polled closes every gap',
    ),
  badRecords: z
    .enum(['dead-letter', 'count'])
    .default('dead-letter')
    .describe(
      'What becomes of a record without its key: the consumer dead-letters it, or it is only counted. Its page goes on',
    ),
  circuit: circuit.prefault({}).describe('When an endpoint that keeps failing is left alone'),
  jitter: duration
    .optional()
    .describe(
      'Each poll begins up to this much later, so that endpoints do not all begin at once; by default it grows with their number',
    ),
};

export const endpointSchema = choiceOf(SOURCES, { by: 'source', usual: USUAL_SOURCE, common });
