import { type Clock, datasetsOf, keyColumnOf, type Logger, type PipelineConfig } from '@tributary/shared';
import type { DatasetReader } from '../port.js';
import { Database } from './database.js';
import { CsvDataset } from './dataset.js';

/**
 * Reads the CSV sink's parts. Paths are made of the configured folder and dataset names alone; a name from a request
 * is only looked up among them.
 *
 * The rows are taken into a DuckDB of this process, which is built again at each start.
 *
 * @param folder where the DuckDB is made; this machine's folder for temporary files unless given
 */
export function createCsvReader(config: PipelineConfig, clock: Clock, log: Logger, folder?: string): DatasetReader {
  const closing = new AbortController();
  const database = new Database(folder);
  const datasets = new Map(
    datasetsOf(config).map((dataset, number) => {
      const keyColumn = keyColumnOf(config.entities[dataset.entity ?? '']);
      const options = { dataset, number, keyColumn, database, ...config.sink.csv, clock, log, closed: closing.signal };
      return [dataset.name, new CsvDataset(options)];
    }),
  );
  const all = [...datasets.values()];

  return {
    start() {
      // What fails is told by the first call that needs it.
      for (const dataset of all) void dataset.start().catch(() => {});
    },
    async close() {
      closing.abort();
      await database.close();
      await Promise.all(all.map((dataset) => dataset.followed.settled()));
    },
    list: () => Promise.all(all.map((dataset) => dataset.latestSummary())),
    known: () => all.map((dataset) => dataset.summary()),
    problems: () => all.flatMap((dataset) => dataset.followed.problem ?? []),
    describe: async (name) => datasets.get(name)?.describe(),
    rows: async (name, query, signal) => datasets.get(name)?.rows(query, signal),
    facets: async (name, selection, signal) => datasets.get(name)?.facets(selection, signal),
    profile: async (name, view, signal) => datasets.get(name)?.profile(view, signal),
    versions: async (name, key, limit, signal) => datasets.get(name)?.versions(key, limit, signal),
    keys: async (name, pattern, limit, signal) => datasets.get(name)?.keys(pattern, limit, signal),
    part: async (name, part) => datasets.get(name)?.part(part),
    download: async (name, selection, signal) => datasets.get(name)?.download(selection, signal),
  };
}
