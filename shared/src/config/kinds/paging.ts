import { z } from 'zod';
import { conditionSchema } from '../condition.js';
import { pathSchema } from '../values.js';
import { choiceOf, type Kind } from './table.js';

const sizeParameter = z.string().describe('Query parameter that tells the API how many records a page should hold');
const size = z.int().positive().describe('Records to ask for on a page');

/** How an API tells that more follows, or that nothing does; every kind of paging heeds it. */
const ends = {
  while: conditionSchema
    .optional()
    .describe(
      'Pages are asked for as long as this holds: a path, such as $.has_more, whose value exists and is not false',
    ),
  until: conditionSchema.optional().describe('The page on which this holds is the last: a path, such as $.isLast'),
  total: pathSchema.optional().describe('Where the body tells how many records, or pages, there are in all'),
  totalIn: z.enum(['records', 'pages']).default('records').describe('What `total` counts'),
  endStatus: z
    .array(z.int().min(400).max(499))
    .default([])
    .describe('Statuses by which the API says, after the first page, that there are no more, such as [404]'),
};

const optionalSize = { sizeParameter: sizeParameter.optional(), size: size.optional() };

interface PagingTableEntry extends Kind {
  /** The placeholders that it fills in. */
  readonly fills: readonly string[];
}

/** How the pages of an endpoint follow each other. */
export const PAGING = {
  none: { words: 'One answer holds every record', fills: [], settings: {} },
  cursor: {
    words: 'Each page holds a cursor, and the next page is asked for with it',
    fills: ['cursor'],
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
    fills: ['page'],
    settings: {
      parameter: z.string().default('page').describe('Query parameter that carries the number of the page'),
      first: z.int().nonnegative().default(1).describe('Number of the first page'),
      ...optionalSize,
    },
  },
  offset: {
    words: 'A page is asked for by the number of records before it; an empty page is the end',
    fills: ['offset'],
    settings: {
      parameter: z.string().default('offset').describe('Query parameter that carries the number of records to skip'),
      first: z.int().nonnegative().default(0).describe('Where the first page begins'),
      sizeParameter: sizeParameter.default('limit'),
      size,
    },
  },
  link: {
    words: 'The Link header of an answer names the next page (RFC 8288, rel="next")',
    fills: [],
    settings: optionalSize,
  },
  'next-url': {
    words: 'Each page holds the URL of the next page',
    fills: [],
    settings: {
      next: pathSchema.describe(
        'Where the URL of the next page lies in the body; the last page has none, or null, false, 0 or empty text',
      ),
      ...optionalSize,
    },
  },
} as const satisfies Readonly<Record<string, PagingTableEntry>>;

export const pagingSchema = choiceOf(PAGING, { common: ends });

/** Every placeholder that some kind of paging fills in. */
export const PAGE_PLACEHOLDERS: readonly PagePlaceholder[] = Object.values(PAGING).flatMap(({ fills }) => fills);

export type PagePlaceholder = (typeof PAGING)[PagingKind]['fills'][number];
export type PagingKind = keyof typeof PAGING;
export type PagingConfig = z.output<typeof pagingSchema>;
