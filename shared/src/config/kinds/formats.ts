import { z } from 'zod';
import { choiceOf, expectedName, type KindTable, nameSchema } from './table.js';

const DELIMITER = 'expected one character, or auto';

/** What the body of an answer is. */
export const FORMATS = {
  json: { words: 'One JSON document; `items` says where its records lie', settings: {} },
  ndjson: { words: 'One JSON record on each line (application/x-ndjson); `items` is not used', settings: {} },
  csv: {
    words: 'CSV (RFC 4180); each line is a record, each cell text; `items` is not used',
    settings: {
      delimiter: z
        .union([z.literal('auto'), z.string().length(1, DELIMITER)], { error: DELIMITER })
        .default('auto')
        .describe(
          'What stands between two cells; `auto` takes what the first line has most of: comma, semicolon, tab or bar',
        ),
      header: z
        .union([z.literal(true), z.array(z.string().min(1)).min(1)], { error: 'expected true, or a list of names' })
        .default(true)
        .describe('`true` if the first line names the columns; otherwise their names, in order'),
    },
  },
  xml: {
    words: 'One XML document, such as RSS or Atom; `items` says where its records lie, such as $.rss.channel.item',
    settings: {},
  },
} as const satisfies KindTable;

const settings = choiceOf(FORMATS);

/** A name alone means the kind with its usual settings. */
export const formatSchema = z.union([nameSchema(FORMATS).transform((type) => settings.parse({ type })), settings], {
  error: `${expectedName(FORMATS)}, or a mapping with that as its type`,
});

export type FormatKind = keyof typeof FORMATS;
export type FormatConfig = z.output<typeof formatSchema>;

/** How the records lie in what `items` leads to. */
export const ARRANGEMENTS = ['list', 'single', 'map', 'columns', 'rows'] as const;

export type Arrangement = (typeof ARRANGEMENTS)[number];
