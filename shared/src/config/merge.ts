import { z } from 'zod';
import { name } from './values.js';

const source = z
  .string()
  .regex(/^[a-z][a-z0-9_]*\.[^.\s]+$/, 'expected ENTITY.FIELD or line.FIELD')
  .meta({ id: 'Source', description: 'A field of one side (`customer.name`) or of the line (`line.quantity`)' });

const multiply = z
  .strictObject({
    multiply: z.tuple([source, source]).describe('Two numbers to multiply'),
    decimals: z.int().min(0).max(9).default(2).describe('Decimals that the product is rounded to'),
  })
  .describe('The product of two numbers; empty if one of them is missing');

const atLeast = z
  .strictObject({ atLeast: z.tuple([source, source]).describe('Two numbers to compare') })
  .describe('Whether the first number is not less than the second; empty if one of them is missing');

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

export const mergeSchema = z.strictObject({
  each: each.describe('The side with the lines: each line, or each record that is one, makes one row'),
  with: other.describe('The side that a line points at'),
  missing: z
    .enum(['wait', 'empty'])
    .default('wait')
    .describe(
      'What a line does whose other side is not there, or is deleted. wait: it has no row until that record comes. empty: it has ' +
        'a row at once, with what comes from the other side left empty, and the full row when that record comes',
    ),
  columns: z
    .record(name, z.union([source, multiply, atLeast]))
    .describe('The columns of a row, and where each comes from'),
});
