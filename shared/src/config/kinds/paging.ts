import { z } from 'zod';
import { pathSchema } from '../values.js';
import { choiceOf, type KindTable } from './table.js';

const sizeParameter = z.string().describe('Query parameter that tells the API how many records a page should hold');
const size = z.int().positive().describe('Records to ask for on a page');

const optionalSize = { sizeParameter: sizeParameter.optional(), size: size.optional() };

/** How the pages of an endpoint follow each other. */
export const PAGING = {
  none: { words: 'One answer holds every record', settings: {} },
  cursor: {
    words: 'Each page holds a cursor, and the next page is asked for with it',
    settings: {
      parameter: z.string().default('cursor').describe('Query parameter that carries the cursor'),
      next: pathSchema.describe(
        'Where the cursor of the next page lies in the body; the last page has none, or null, false, 0 or empty text',
      ),
      ...optionalSize,
    },
  },
  page: {
    words: 'Pages are numbered; an empty page is the end',
    settings: {
      parameter: z.string().default('page').describe('Query parameter that carries the number of the page'),
      first: z.int().nonnegative().default(1).describe('Number of the first page'),
      sizeParameter: sizeParameter.optional(),
      size,
    },
  },
  offset: {
    words: 'A page is asked for by the number of records before it; an empty page is the end',
    settings: {
      parameter: z.string().default('offset').describe('Query parameter that carries the number of records to skip'),
      sizeParameter: sizeParameter.default('limit'),
      size,
    },
  },
  link: { words: 'The Link header of an answer names the next page (RFC 8288, rel="next")', settings: optionalSize },
  'next-url': {
    words: 'Each page holds the URL of the next page',
    settings: {
      next: pathSchema.describe(
        'Where the URL of the next page lies in the body; the last page has none, or null, false, 0 or empty text',
      ),
      ...optionalSize,
    },
  },
} as const satisfies KindTable;

export const pagingSchema = choiceOf(PAGING);

export type PagingKind = keyof typeof PAGING;
export type PagingConfig = z.output<typeof pagingSchema>;
