import { resolve } from 'node:path';
import { z } from 'zod';
import { bytes, name, someText } from '../values.js';
import { type KindTable, nameSchema, sectionsOf } from './table.js';

/** Where rows land. */
export const SINKS = {
  csv: {
    words: 'CSV files in a folder',
    settings: {
      directory: someText.default('./output').describe('Folder of the CSV files; each dataset has a folder in it'),
      neutraliseFormulas: z
        .boolean()
        .default(true)
        .describe(
          "Put a ' before cells that a spreadsheet would run as a formula (OWASP, CSV injection); numbers and phone numbers stay as they are",
        ),
      maxPartSize: bytes.prefault('64MB').describe('Size at which a file is followed by a new one'),
    },
  },
  postgres: {
    words: 'Tables in Postgres; the environment variable POSTGRES_URL names the database',
    settings: {
      schema: name.default('public').describe('Schema of the tables; it is created if it does not exist'),
      history: z
        .boolean()
        .default(false)
        .describe('Whether `<dataset>_history` keeps every change beside the newest row of each key'),
      deletes: z
        .enum(['remove', 'keep'], { error: 'expected remove or keep' })
        .default('remove')
        .describe(
          'What becomes of the row of a deleted record: `remove` it, or `keep` it as it was, with `true` in a column `_deleted`',
        ),
    },
  },
  program: {
    words: 'A sink of the program that holds the pipeline (see the library, `createPipeline`)',
    settings: {
      directory: someText
        .default('./output')
        .describe('Folder for the bodies of dead letters that are larger than RabbitMQ takes'),
    },
  },
} as const satisfies KindTable;

/** The file may hold the settings of every kind; `type` says which of them count. */
export const sinkSchema = z.strictObject({
  type: nameSchema(SINKS).default('csv').describe('Where rows land'),
  ...sectionsOf(SINKS),
});

export type SinkKind = keyof typeof SINKS;
export const isSinkKind = (name: string): name is SinkKind => Object.hasOwn(SINKS, name);
export type SinkConfig = z.output<typeof sinkSchema>;

/** In words for people, where the rows are. */
export interface SinkWords {
  /** What rows are written to: `CSV files`. */
  readonly medium: string;
  /** What a row becomes, in a word. */
  readonly form: string;
  /** Where the rows are, such as an absolute path. */
  readonly place: string;
  /** The folder that rows are written to, if they are written to one of this machine. */
  readonly folder: string | undefined;
  /** Both, for a page or a sentence: `CSV files in ./output`. */
  readonly description: string;
}

const WORDS: { readonly [K in SinkKind]: (settings: SinkConfig[K]) => SinkWords } = {
  csv: ({ directory }) => ({
    medium: 'CSV files',
    form: 'CSV',
    place: resolve(directory),
    folder: directory,
    description: `CSV files in ${directory}`,
  }),
  postgres: ({ schema }) => ({
    medium: 'Postgres',
    form: 'tables',
    place: `Postgres schema ${schema}`,
    folder: undefined,
    description: `Postgres, schema ${schema}`,
  }),
  program: () => ({
    medium: 'a program',
    form: 'rows of a program',
    place: 'the sink of the program',
    folder: undefined,
    description: 'the sink of the program',
  }),
};

export const sinkWords = (sink: SinkConfig): SinkWords => wordsOf(sink.type, sink);

/**
 * What of the settings decides how rows are stored, in a letter; empty for the usual way. Consumers that differ in it must not write side
 * by side, so it is part of the name of their ledger (see recovery/forms.ts of the consumer).
 */
const STORED: { readonly [K in SinkKind]: (settings: SinkConfig[K]) => '' | 'k' } = {
  csv: () => '',
  postgres: ({ deletes }) => (deletes === 'keep' ? 'k' : ''),
  program: () => '',
};

export const wayOfStoring = (sink: SinkConfig): string => wayOf(sink.type, sink);

const wayOf = <K extends SinkKind>(type: K, sink: Pick<SinkConfig, K>): string => STORED[type](sink[type]);

const wordsOf = <K extends SinkKind>(type: K, sink: Pick<SinkConfig, K>): SinkWords => WORDS[type](sink[type]);

const KEEPS_HISTORY: { readonly [K in SinkKind]: (settings: SinkConfig[K]) => boolean } = {
  csv: () => true,
  postgres: ({ history }) => history,
  program: () => true,
};

/** Whether older states of a record are kept. */
export const keepsHistory = (sink: SinkConfig): boolean => historyOf(sink.type, sink);

const historyOf = <K extends SinkKind>(type: K, sink: Pick<SinkConfig, K>): boolean => KEEPS_HISTORY[type](sink[type]);
