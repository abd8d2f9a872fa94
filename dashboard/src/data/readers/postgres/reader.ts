import { type Clock, datasetsOf, keyColumnOf, type Logger, type PipelineConfig } from '@tributary/shared';
import type { DatasetReader } from '../port.js';
import { readerOf } from '../query/reader.js';
import { ReadDatabase } from './database.js';
import { PostgresDataset } from './dataset.js';
import { DatabaseWatch } from './watch.js';

/**
 * Reads the Postgres sink's tables. Names of tables and columns are made of the pipeline's configuration alone; what comes
 * from a request goes in as a value of a statement, or is looked up among those names. Every session is read-only.
 *
 * @param quick milliseconds that counting a dataset may take to be done for each call; a dataset that takes longer is counted
 *   now and then, and its numbers are up to twenty times as old as the counting takes
 * @param large rows above which a table is shown by key unless another order is asked for: there is no index by time
 * @throws FatalError if the URL is not one
 */
export function createPostgresReader(
  config: PipelineConfig,
  url: string,
  clock: Clock,
  log: Logger,
  { quick = 50, large = 200_000 } = {},
): DatasetReader {
  const database = new ReadDatabase(url);
  const datasets = datasetsOf(config).map((dataset) => {
    const keyColumn = keyColumnOf(config.entities[dataset.entity ?? '']);
    return new PostgresDataset({ ...config.sink.postgres, dataset, keyColumn, database, clock, quick, large });
  });
  const watch = new DatabaseWatch(database, datasets, clock, log);
  return readerOf(datasets, config.sink.csv.neutraliseFormulas, {
    start() {
      watch.start();
      for (const dataset of datasets) void dataset.latestSummary();
    },
    close() {
      watch.close();
      return database.close();
    },
    problems: () => watch.problems,
  });
}
