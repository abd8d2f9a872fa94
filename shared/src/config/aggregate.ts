import { z } from 'zod';
import { METRICS, type MetricKind } from './kinds/aggregate-metrics.js';
import { duration, name, someText, zoneSchema } from './values.js';

/** What is told of a group. */
export interface Metric {
  readonly kind: MetricKind;
  /** Undefined for a metric that has no column. */
  readonly column: string | undefined;
  /** Of an average. */
  readonly decimals: number;
}

/** More than money and most measures have. */
const AVERAGE_DECIMALS = 6;

type OfColumn = Exclude<MetricKind, 'count' | 'average'>;

const ofColumn = <K extends OfColumn>(kind: K) =>
  z
    .strictObject({ [kind]: someText.describe('A column of the dataset') } as { readonly [P in K]: typeof someText })
    .transform((given): Metric => ({ kind, column: Object.values(given).map(String)[0], decimals: 0 }))
    .describe(METRICS[kind].words);

const average = z
  .strictObject({
    average: someText.describe('A column of the dataset'),
    decimals: z
      .int()
      .min(0)
      .max(30)
      .default(AVERAGE_DECIMALS)
      .describe('Decimals that it is rounded to, halves away from zero'),
  })
  .transform(({ average: column, decimals }): Metric => ({ kind: 'average', column, decimals }))
  .describe(METRICS.average.words);

const EXPECTED =
  'expected count, { sum: COLUMN }, { min: COLUMN }, { max: COLUMN }, { average: COLUMN } or { distinct: COLUMN }';

const forms = [
  z
    .literal('count')
    .transform((): Metric => ({ kind: 'count', column: undefined, decimals: 0 }))
    .describe(METRICS.count.words),
  ofColumn('sum'),
  ofColumn('min'),
  ofColumn('max'),
  average,
  ofColumn('distinct'),
] as const;

const metric = z.union(forms, { error: EXPECTED });

const window = z.strictObject({
  column: someText.describe('A column of the dataset with a time: a datetime, or for days also a date'),
  every: z
    .enum(['day', 'hour'], { error: 'expected day or hour' })
    .describe(
      'How long a window is. Its beginning is a column of this name: `day` is a date, `hour` a datetime, which is always in UTC',
    ),
  zone: zoneSchema.optional().describe('The time zone whose days and hours they are; UTC unless given'),
});

/** The settings of an aggregate. */
export const aggregateSchema = z
  .strictObject({
    from: name.describe('The dataset whose newest rows are grouped: that of an entity or a merge'),
    by: z
      .array(someText)
      .max(5, 'expected at most 5 columns')
      .default([])
      .describe('The columns whose values make a group; all rows make one group without it, but for `window`'),
    window: window.optional().describe('Rows are grouped by the day or hour of a column, too'),
    metrics: z
      .record(name, metric)
      .refine((metrics) => Object.keys(metrics).length > 0, 'expected at least one metric')
      .describe('What is told of each group, by the name of its column'),
    every: duration
      .default(30_000)
      .describe(
        'How often it is looked whether the dataset has changed, and the groups are calculated if it has. Calculating takes a tenth of the time at most: it is done less often where it takes long. 30 s unless given',
      ),
  })
  .check(({ value: { every }, issues }) => {
    if (every >= 1_000) return;
    issues.push({ code: 'custom', input: every, path: ['every'], message: 'expected at least 1s' });
  });
