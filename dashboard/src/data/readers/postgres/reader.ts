import { type Clock, datasetsOf, keyColumnOf, type Logger, type PipelineConfig } from '@tributary/shared';
import type { DatasetReader } from '../port.js';
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
  const { schema, history } = config.sink.postgres;
  const { neutraliseFormulas } = config.sink.csv;
  const datasets = new Map(
    datasetsOf(config).map((dataset) => {
      const keyColumn = keyColumnOf(config.entities[dataset.entity ?? '']);
      const options = { dataset, keyColumn, schema, history, neutraliseFormulas, database, clock, quick, large };
      return [dataset.name, new PostgresDataset(options)];
    }),
  );
  const all = [...datasets.values()];
  const watch = new DatabaseWatch(database, all, clock, log);

  return {
    start() {
      watch.start();
      for (const dataset of all) void dataset.latestSummary();
    },
    close() {
      watch.close();
      return database.close();
    },
    list: () => Promise.all(all.map((dataset) => dataset.latestSummary())),
    known: () => all.map((dataset) => dataset.summary),
    problems: () => watch.problems,
    describe: async (name) => datasets.get(name)?.describe(),
    rows: async (name, query, signal) => datasets.get(name)?.rows(query, signal),
    facets: async (name, selection, signal) => datasets.get(name)?.facets(selection, signal),
    profile: async (name, view, signal) => datasets.get(name)?.profile(view, signal),
    versions: async (name, key, limit, signal) => datasets.get(name)?.versions(key, limit, signal),
    keys: async (name, pattern, limit, signal) => datasets.get(name)?.keys(pattern, limit, signal),
    // Tables are not files.
    part: async () => undefined,
    download: async (name, selection, signal) => datasets.get(name)?.download(selection, signal),
  };
}
