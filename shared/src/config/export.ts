import { z } from 'zod';
import { schedule } from './endpoint.js';
import { EXPORT_FORMATS } from './kinds/export-formats.js';
import { s3 } from './kinds/files.js';
import { nameSchema } from './kinds/table.js';
import { exportPrivacySchema } from './privacy.js';
import { name, scalar, someText } from './values.js';

/** How a filter compares a column, and how that is said in SQL, of DuckDB and of Postgres. */
export const FILTERS = ['is', 'not', 'contains', 'above', 'below', 'from', 'to'] as const;
export type Filter = (typeof FILTERS)[number];

const compared = scalar.optional();

const filter = z
  .strictObject({
    is: compared.describe('Rows with this value'),
    not: compared.describe('Rows with another value, or none'),
    contains: compared.describe('Rows with this text in the value, in any letter case'),
    above: compared.describe('Rows with more'),
    below: compared.describe('Rows with less'),
    from: compared.describe('Rows with this or more'),
    to: compared.describe('Rows with this or less'),
    filled: z.boolean().optional().describe('`true`: rows with a value; `false`: rows without one'),
  })
  .refine((given) => Object.keys(given).length > 0, 'expected a comparison such as { above: 100 }');

const share = z.number().gt(0, 'expected a share between 0 and 1').lt(1, 'expected a share between 0 and 1');

/** As it is written. Zod would say that each share is a number, `by` too, and nothing could be written so. */
export interface SplitInput {
  readonly [share: string]: number | string | readonly string[];
  readonly by: string | readonly string[];
}
export interface Split {
  by: string[];
  shares: Record<string, number>;
}

const split: z.ZodType<Split, SplitInput> = z
  .object({
    by: z
      .union([someText, z.array(someText).min(1)], { error: 'expected the name of a column, or a list of names' })
      .describe(
        'The column (or columns) by whose hash rows are dealt out: the same value always comes into the same file',
      ),
  })
  .catchall(share)
  .transform(({ by, ...shares }) => ({ by: typeof by === 'string' ? [by] : by, shares }));

/** The settings of an export. */
export const exportSchema = z.strictObject({
  query: someText
    .optional()
    .describe(
      'One SELECT over the datasets (DuckDB, or Postgres with the sink postgres): each is a table of its name, `<dataset>_history` one with every row',
    ),
  dataset: name.optional().describe('Instead of a query: the dataset whose rows are exported'),
  view: z
    .enum(['latest', 'history'], { error: 'expected latest or history' })
    .default('latest')
    .describe('Of a dataset: the newest row of each key, or every row'),
  columns: z
    .array(someText)
    .min(1)
    .optional()
    .describe('Of a dataset: which columns, in this order; those of the entity or merge unless given'),
  where: z
    .record(someText, filter)
    .default({})
    .describe('Of a dataset: which rows, by column: `{ total: { above: 100 }, city: { is: Berlin } }`; all must hold'),
  format: nameSchema(EXPORT_FORMATS).default('parquet').describe('What is written'),
  to: someText.describe(
    'A folder of this machine, or `s3://bucket/prefix`; each run has a folder of its own there, in one of the name of the export',
  ),
  s3: s3.prefault({}).describe('How S3 is asked'),
  schedule: schedule
    .optional()
    .describe('When the dashboard exports by itself. Unless given, it is done when a person asks for it'),
  keep: z
    .int()
    .min(1)
    .optional()
    .describe('How many runs stay: with each that succeeds, older ones go. All stay unless given'),
  privacy: exportPrivacySchema
    .optional()
    .describe('What is written tells of no single person: k-anonymity and l-diversity, or nothing is written'),
  split: split.optional().describe('Several files, with shares that add up to 1: `{ train: 0.8, test: 0.2, by: id }`'),
});
