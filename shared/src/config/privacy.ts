import { z } from 'zod';
import type { FieldType } from './kinds/field-types.js';
import { someText } from './values.js';

/** Ways to make the values of a column coarser. */
const level = z
  .strictObject({
    to: z
      .enum(['year', 'month', 'decade'])
      .optional()
      .describe('Of a date or a datetime only the year, the month or the decade'),
    bucket: z
      .int()
      .positive()
      .optional()
      .describe('Of a number the bucket that it lies in: with 10, 34 becomes `30-40` (40 is not in it)'),
    first: z.int().min(1).max(100).optional().describe('Of a text so many characters: with 2, 80331 becomes `80***`'),
    groups: z
      .record(someText, z.array(z.string()).min(1))
      .optional()
      .describe(
        'Values by the name of their group: `{ south: [Munich, Ulm], north: [Kiel] }`; what is in none becomes `*`',
      ),
    hierarchy: someText
      .optional()
      .describe(
        'Values by a file with a line `value;level 1;level 2;…` for each: `./cities.csv`. What is not in it becomes `*`',
      ),
    level: z.int().min(1).max(20).optional().describe('Which level of the `hierarchy`; 1 is the finest'),
  })
  .refine(
    ({ level: _, ...ways }) => Object.keys(ways).length === 1,
    'expected one of to, bucket, first, groups and hierarchy',
  )
  .refine(
    ({ hierarchy, level: its }) => (hierarchy === undefined) === (its === undefined),
    'hierarchy and level go together',
  );

/** One step of a hierarchy. */
export type PrivacyLevel = z.output<typeof level>;

/** One of the ways to make a value coarser. */
type Way = Exclude<keyof PrivacyLevel, 'level'>;

const FOR: Readonly<Record<Way, readonly FieldType[]>> = {
  to: ['date', 'datetime', 'string'],
  bucket: ['integer', 'number', 'decimal'],
  first: ['string', 'integer', 'decimal'],
  groups: ['string', 'integer', 'boolean', 'date'],
  hierarchy: ['string', 'integer'],
};

/** Why a level is not for a column of a type, in words; undefined if it is. */
export function levelFault(level: PrivacyLevel, type: FieldType): string | undefined {
  const { level: _, ...ways } = level;
  const [way] = Object.keys(ways) as Way[];
  if (way === undefined || FOR[way].includes(type)) return undefined;
  return `${way} is for ${FOR[way].join(', ')}, and the column is of type ${type}`;
}

const columns = z.array(someText).min(1);

const share = z
  .union([z.string().regex(/^\d{1,3}(\.\d{1,4})?%$/), z.number().min(0).max(1)], {
    error: 'expected a share such as 5%',
  })
  .transform((given) => (typeof given === 'number' ? given : Number(given.slice(0, -1)) / 100))
  .refine((part) => part <= 1, 'expected a share of 100% at most');

/** How an export is kept from telling of single people. */
export const exportPrivacySchema = z.strictObject({
  quasi: z
    .union(
      [
        columns.transform((names) => Object.fromEntries(names.map((one) => [one, [] as PrivacyLevel[]]))),
        z.record(someText, z.array(level).max(6)),
      ],
      {
        error:
          'expected a list of columns, or the levels of each: { zip: [{ first: 4 }, { first: 2 }], born: [{ to: year }] }',
      },
    )
    .refine((given) => Object.keys(given).length > 0, 'expected one column or more')
    .describe(
      'Columns by which somebody may be known who is in other data too, each with the levels by which it may be made coarser, the finest first. The last one, by which all are alike (`*`), is there by itself',
    ),
  k: z.int().min(2).describe('How many rows at least have the same values in all of these columns'),
  sensitive: columns.default([]).describe('Columns that nobody shall learn of a person'),
  l: z
    .int()
    .min(2)
    .optional()
    .describe('How many different values at least each of these has among those rows; needed with `sensitive`'),
  keep: z
    .array(someText)
    .default([])
    .describe('Other columns that are written, as they are. Columns that are not named here are left out'),
  suppressAtMost: share
    .default(0)
    .describe('The share of the rows that may be left out, such as `5%`, so that the others need not be made coarser'),
});

export type ExportPrivacy = z.output<typeof exportPrivacySchema>;

/** How many ways to make columns coarser an export may have. */
export const MOST_NODES = 5_000;

/** As they are, each level, and all alike. */
export const heightOf = (levels: readonly PrivacyLevel[]): number => levels.length + 1;
