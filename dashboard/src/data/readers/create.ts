import type { Clock, Logger, PipelineConfig, SinkKind } from '@tributary/shared';
import { createAbsentReader } from './absent.js';
import { createCsvReader } from './csv/reader.js';
import type { DatasetReader } from './port.js';
import { createPostgresReader } from './postgres/reader.js';

export interface ReaderOptions {
  readonly config: PipelineConfig;
  /** Needed if the pipeline's sink is postgres. */
  readonly postgresUrl?: string | undefined;
  /** Where files may be kept as long as the reader lives; this machine's folder for temporary files unless given. */
  readonly folder?: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

const NO_POSTGRES =
  'this pipeline writes to Postgres: set POSTGRES_URL to something like postgres://user:password@host:5432/database to see its rows';

/** What reads the rows of each kind of sink. */
const READERS = {
  csv: ({ config, clock, log, folder }) => createCsvReader(config, clock, log, folder),
  postgres: ({ config, postgresUrl, clock, log }) =>
    postgresUrl ? createPostgresReader(config, postgresUrl, clock, log) : createAbsentReader(NO_POSTGRES),
  program: () => createAbsentReader('the rows of this pipeline go to a sink of the program that holds it: look there'),
} as const satisfies { readonly [K in SinkKind]: (options: ReaderOptions) => DatasetReader };

export const SINK_KINDS = Object.keys(READERS) as readonly SinkKind[];

/** @throws FatalError for a setting that cannot be used */
export const createReader = (options: ReaderOptions): DatasetReader => READERS[options.config.sink.type](options);
