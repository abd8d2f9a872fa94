import { z } from 'zod';
import { repeated, wholeNumber } from '../http/parameters.js';
import { CHARTS, COMPARISONS, type Condition, HOWS, type Sort } from './readers/port.js';

const MAX_SEARCH = 200;
const MAX_CONDITIONS = 20;

const CONDITION = `COLUMN:COMPARISON:VALUE with one of ${COMPARISONS.join(', ')}`;

/** `city:is:Berlin` */
const condition = z.string().transform((text, context): Condition => {
  const [, column = '', comparison = '', value = ''] = /^(.+?):([a-z]+)(?::(.*))?$/su.exec(text) ?? [];
  const is = COMPARISONS.find((known) => known === comparison);
  if (is !== undefined && value.length <= MAX_SEARCH) return { column, is, value };
  context.addIssue({ code: 'custom', message: `expected ${CONDITION}`, input: text });
  return z.NEVER;
});

/** `price`, or `-price` for the largest first. */
const sort = z
  .string()
  .transform(
    (text): Sort =>
      text.startsWith('-') ? { column: text.slice(1), descending: true } : { column: text, descending: false },
  );

/** Which rows of a dataset are asked for. */
export const selection = {
  view: z
    .enum(['latest', 'history'], { error: 'expected latest or history' })
    .default('latest')
    .describe('The newest row of each key, or every row'),
  search: z
    .string()
    .max(MAX_SEARCH, `is longer than ${MAX_SEARCH} characters`)
    .default('')
    .describe('Words that must all occur in a row'),
  where: repeated(condition, MAX_CONDITIONS).describe(`Filters, ${CONDITION}`),
};

/** A page of them. */
export const rowQuery = {
  ...selection,
  sort: sort.optional().describe('A column, with a - before it for the largest first'),
  offset: wholeNumber(0, Number.MAX_SAFE_INTEGER, 0).describe('Rows to skip'),
  limit: wholeNumber(1, 500, 50).describe('Rows to give'),
  facets: z
    .enum(['true', 'false'], { error: 'expected true or false' })
    .default('false')
    .transform((text) => text === 'true')
    .describe('Whether to count how often each value occurs, as of the same moment'),
};

/** A chart of them. */
export const chartQuery = {
  ...selection,
  chart: z.enum(CHARTS, { error: `expected one of ${CHARTS.join(', ')}` }).describe('What is drawn'),
  x: z.string().describe('A column of numbers or times; for bars any'),
  y: z.string().optional().describe('A column of numbers; without it how many rows there are'),
  how: z
    .enum(HOWS, { error: `expected one of ${HOWS.join(', ')}` })
    .default('average')
    .describe('What stands for the values of y of rows that are put together'),
  by: z.string().optional().describe('A column whose six most frequent values are lines of their own'),
};
