import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { type Clock, datasetsOf, keyColumnOf, type Logger, type PipelineConfig } from '@tributary/shared';
import type { DatasetReader } from '../port.js';
import { readerOf } from '../query/reader.js';
import { Database } from './database.js';
import { CsvDataset } from './dataset.js';
import { SIZES } from './take-in.js';

/**
 * Reads the CSV sink's parts. Paths are made of the configured folder and dataset names alone; a name from a request
 * is only looked up among them.
 *
 * The rows are taken into a DuckDB of this process.
 *
 * @param folder where its file is kept for the next process; unless given, it is a temporary one
 */
export function createCsvReader(
  config: PipelineConfig,
  clock: Clock,
  log: Logger,
  folder?: string,
  sizes = SIZES,
): DatasetReader {
  const closing = new AbortController();
  const own = datasetsOf(config);
  const state = () =>
    JSON.stringify(Object.fromEntries(datasets.map(({ name, followed }) => [name, followed.known.state])));
  // What is in a folder for temporary files is not looked for again.
  const database = new Database(
    folder,
    folder === undefined ? undefined : { id: idOf(config), about: JSON.stringify(own), state },
  );
  const datasets = own.map((dataset) => {
    const keyColumn = keyColumnOf(config.entities[dataset.entity ?? '']);
    const names = own.map(({ name }) => name);
    const common = { database, ...config.sink.csv, clock, log, sizes, closed: closing.signal };
    return new CsvDataset({ dataset, datasets: names, keyColumn, ...common });
  });
  const reader: DatasetReader = readerOf(datasets, config.sink.csv.neutraliseFormulas, {
    start() {
      // Reads all, and what the first page with facets would wait for. What fails is told by the first call that needs it.
      for (const { name, followed } of datasets) {
        const warm = () => reader.facets(name, { view: 'latest', search: '', where: [] }, closing.signal);
        void followed
          .refresh()
          .then(warm)
          .catch(() => {});
      }
    },
    async close() {
      closing.abort();
      await database.close();
      await Promise.all(datasets.map(({ followed }) => followed.settled()));
    },
    problems: () => datasets.flatMap(({ followed }) => followed.problem ?? []),
    async snapshot(file) {
      await Promise.all(datasets.map(({ followed }) => followed.complete()));
      const asOf = new Date(clock.now()).toISOString();
      await database.copy(file);
      return { asOf };
    },
  });
  return reader;
}

/** What a database belongs to. */
const idOf = ({ sink }: PipelineConfig): string =>
  createHash('sha256').update(resolve(sink.csv.directory)).digest('hex').slice(0, 16);
