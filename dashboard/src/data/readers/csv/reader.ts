import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { type Clock, datasetsOf, keyColumnOf, type Logger, type PipelineConfig } from '@tributary/shared';
import type { DatasetReader } from '../port.js';
import { Database } from './database.js';
import { CsvDataset } from './dataset.js';

/**
 * Reads the CSV sink's parts. Paths are made of the configured folder and dataset names alone; a name from a request
 * is only looked up among them.
 *
 * The rows are taken into a DuckDB of this process.
 *
 * @param folder where its file is kept for the next process; unless given, it is a temporary one
 */
export function createCsvReader(config: PipelineConfig, clock: Clock, log: Logger, folder?: string): DatasetReader {
  const closing = new AbortController();
  const own = datasetsOf(config);
  const state = () => JSON.stringify(Object.fromEntries(all.map(({ name, followed }) => [name, followed.known.state])));
  // What is in a folder for temporary files is not looked for again.
  const database = new Database(folder, folder === undefined ? undefined : { id: idOf(config), state });
  const datasets = new Map(
    own.map((dataset) => {
      const keyColumn = keyColumnOf(config.entities[dataset.entity ?? '']);
      const names = own.map(({ name }) => name);
      const options = {
        dataset,
        datasets: names,
        keyColumn,
        database,
        ...config.sink.csv,
        clock,
        log,
        closed: closing.signal,
      };
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
    async snapshot(file) {
      await Promise.all(all.map((dataset) => dataset.followed.complete()));
      const asOf = new Date(clock.now()).toISOString();
      await database.copy(file);
      return { asOf };
    },
  };
}

/** What a database belongs to. */
const idOf = ({ sink }: PipelineConfig): string =>
  createHash('sha256').update(resolve(sink.csv.directory)).digest('hex').slice(0, 16);
