import { z } from 'zod';
import { SCALAR_TYPES, type ScalarType } from './kinds/field-types.js';
import { name } from './values.js';

const source = z
  .string()
  .regex(/^[a-z][a-z0-9_]*\.[^.\s]+$/, 'expected ENTITY.FIELD or line.FIELD')
  .meta({ id: 'Source', description: 'A field of one side (`customer.name`) or of the line (`line.quantity`)' });

/** What a column that is calculated may hold: all that a field may, but for JSON and lists, which are taken from a side as they are. */
const CALCULATED = Object.keys(SCALAR_TYPES).filter((type) => type !== 'json') as Exclude<ScalarType, 'json'>[];

const calculated = z
  .strictObject({
    type: z.enum(CALCULATED, { error: `expected one of ${CALCULATED.join(', ')}` }).describe('What the column holds'),
    decimals: z
      .int()
      .min(0)
      .max(9)
      .optional()
      .describe('Decimals that a `number` or a `decimal` is rounded to; not rounded unless given'),
    value: z
      .string()
      .min(1)
      .describe(
        'A CEL expression over the fields of the sides and of the line: `double(line.quantity) * inventory.price`. Empty if it cannot be evaluated, as where a field that it needs is absent',
      ),
  })
  .check(({ value: { type, decimals }, issues }) => {
    if (decimals === undefined || type === 'number' || type === 'decimal') return;
    const message = `a column of type ${type} has no decimals: they are for number and decimal`;
    issues.push({ code: 'custom', input: decimals, path: ['decimals'], message });
  })
  .describe('A value that is calculated');

const each = z.strictObject({
  entity: z
    .string()
    .describe('The entity whose records hold lines, such as customers with their orders, or are lines themselves'),
  lines: z
    .string()
    .optional()
    .describe(
      'Its field with the lines, of type list. Without it, the record itself is the line, such as an order with its `customerId`',
    ),
});

const other = z.strictObject({
  entity: z.string().describe('The entity that a line points at'),
  on: z
    .string()
    .describe("The line's field (of the record itself, if that is the line) that holds the key of that entity"),
});

/** More would make keys longer than an index of Postgres takes, and a row that few could read. */
const MOST_SIDES = 5;

/** One side, or several: a star. Of one, the list may be left out. */
const others = z
  .union([other, z.array(other).min(1).max(MOST_SIDES)])
  .transform((given) => (Array.isArray(given) ? given : [given]));

export const mergeSchema = z.strictObject({
  each: each.describe('The side with the lines: each line, or each record that is one, makes one row'),
  with: others.describe(
    'The side that a line points at; or a list of several, each by a field of its own: an order line with its item and its warehouse',
  ),
  missing: z
    .enum(['wait', 'empty'])
    .default('wait')
    .describe(
      'What a line does whose other side is not there, or is deleted. wait: it has no row until that record comes. empty: it has ' +
        'a row at once, with what comes from the other side left empty, and the full row when that record comes',
    ),
  columns: z.record(name, z.union([source, calculated])).describe('The columns of a row, and where each comes from'),
});
