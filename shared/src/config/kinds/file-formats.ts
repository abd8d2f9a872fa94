import { z } from 'zod';
import type { KindTable } from './table.js';

const DELIMITER = 'expected one character, or auto';

const csv = {
  delimiter: z
    .union([z.literal('auto'), z.string().length(1, DELIMITER)], { error: DELIMITER })
    .default('auto')
    .describe(
      'What stands between two cells; `auto` takes what the first lines agree on: comma, semicolon, tab or bar',
    ),
  quote: z
    .union([z.literal(false), z.string().length(1, 'expected one character, or false')])
    .default('"')
    .describe('What encloses a cell that holds delimiters, line ends or (doubled) quotes; `false` if nothing does'),
  header: z
    .union([z.boolean(), z.array(z.string().min(1)).min(1)], { error: 'expected true, false, or a list of names' })
    .default(true)
    .describe(
      '`true` if the first line names the columns; a list of names, in order; `false` if nothing names them: then paths such as $[0] do',
    ),
  short: z
    .enum(['refuse', 'fill'], { error: 'expected refuse or fill' })
    .default('refuse')
    .describe('What becomes of a line with too few cells: a dead letter, or its last columns are absent'),
};

/** What a file holds. */
export const FILE_FORMATS = {
  auto: { words: 'What its name and its content say: CSV, JSON, NDJSON or Parquet', settings: {} },
  csv: { words: 'CSV (RFC 4180, and what is common beside it); each cell is text', settings: csv },
  json: {
    words: 'One JSON document with a list of records, read as a stream; `items` says where it lies',
    settings: {},
  },
  ndjson: { words: 'One JSON record on each line', settings: {} },
  parquet: { words: 'Parquet, read by row groups', settings: {} },
} as const satisfies KindTable;

export type FileFormatKind = keyof typeof FILE_FORMATS;
