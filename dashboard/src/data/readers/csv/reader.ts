import { type Clock, datasetsOf, keyColumnOf, type Logger, type PipelineConfig } from '@tributary/shared';
import type { DatasetReader } from '../port.js';
import { CsvDataset } from './dataset.js';

/**
 * Reads the CSV sink's parts. Paths are made of the configured folder and dataset names alone; a name from a request
 * is only looked up among them.
 *
 * The index lives in memory (see RowIndex for what it costs) and is built again at each start, at some 100,000 rows a
 * second. Pages of 1.7 million rows then take some 20 ms; the first search for something reads every part once.
 */
export function createCsvReader(config: PipelineConfig, clock: Clock, log: Logger, mostTexts?: number): DatasetReader {
  const closing = new AbortController();
  const datasets = new Map(
    datasetsOf(config).map((dataset) => {
      const keyColumn = keyColumnOf(config.entities[dataset.entity ?? '']);
      return [
        dataset.name,
        new CsvDataset({ dataset, keyColumn, ...config.sink.csv, clock, log, mostTexts, closed: closing.signal }),
      ];
    }),
  );
  const all = [...datasets.values()];

  return {
    start() {
      for (const dataset of all) void dataset.followed.refresh();
    },
    async close() {
      closing.abort();
      await Promise.all(all.map((dataset) => dataset.followed.settled()));
    },
    list: () => Promise.all(all.map((dataset) => dataset.latestSummary())),
    known: () => all.map((dataset) => dataset.summary()),
    problems: () => all.flatMap((dataset) => dataset.followed.problem ?? []),
    describe: async (name) => datasets.get(name)?.describe(),
    rows: async (name, query, signal) => datasets.get(name)?.rows(query, signal),
    facets: async (name, selection, signal) => datasets.get(name)?.facets(selection, signal),
    versions: async (name, key, limit, signal) => datasets.get(name)?.versions(key, limit, signal),
    keys: async (name, pattern, limit) => datasets.get(name)?.keys(pattern, limit),
    part: async (name, part) => datasets.get(name)?.part(part),
    download: async (name, selection, signal) => datasets.get(name)?.download(selection, signal),
  };
}
