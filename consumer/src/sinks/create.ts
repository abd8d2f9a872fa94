import { type Clock, datasetsOf, FatalError, type PipelineConfig } from '@tributary/shared';
import { createCsvSink } from './csv/sink.js';
import type { Sink } from './port.js';
import { createPostgresSink } from './postgres/sink.js';

export interface SinkOptions {
  readonly config: PipelineConfig;
  /** Where the Postgres sink's database is; needed only for that one. */
  readonly postgresUrl: string | undefined;
  readonly clock: Clock;
}

/** @throws FatalError if something that the sink needs is missing; for those who want to know before anything starts */
export function checkSink({ config, postgresUrl }: Pick<SinkOptions, 'config' | 'postgresUrl'>): void {
  if (config.sink.type !== 'postgres' || postgresUrl) return;
  const message = 'the sink is postgres: set POSTGRES_URL, such as postgres://user:password@host:5432/database';
  throw new FatalError('postgres_url_missing', message);
}

/**
 * The sink that the configuration names.
 * @throws FatalError if something that it needs is missing
 */
export function createSink({ config, postgresUrl, clock }: SinkOptions): Sink {
  checkSink({ config, postgresUrl });
  const { sink, name: pipeline } = config;
  const datasets = datasetsOf(config);
  switch (sink.type) {
    case 'csv':
      return createCsvSink(sink.csv, datasets, clock);
    case 'postgres':
      return createPostgresSink({ url: postgresUrl ?? '', pipeline, datasets, clock, ...sink.postgres });
  }
}
