import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, type PipelineConfig, systemClock } from '@tributary/shared';
import { createSink } from '../../src/sinks/create.js';
import type { Sink } from '../../src/sinks/port.js';
import type { Store } from './conformance.js';
import { pipeline } from './records.js';

export interface CsvStore extends Store {
  readonly directory: string;
  connect(config?: PipelineConfig): Sink;
  /** The files of a dataset, hidden ones too, and what is in them. */
  files(dataset: string): Promise<Map<string, string>>;
}

export type CsvSettings = Partial<PipelineConfig['sink']['csv']>;

/**
 * Rows in a folder of the test's own.
 * @param told takes what the sink tells people
 * @param parent where the folder is
 */
export async function csvStore(settings: CsvSettings = {}, told: string[] = [], parent = tmpdir()): Promise<CsvStore> {
  const directory = await mkdtemp(join(parent, 'tributary-'));
  const output = { write: (line: string) => void told.push((JSON.parse(line) as { msg: string }).msg) };
  const log = createLogger({ service: 'consumer', instance: 'test' }, output);
  return {
    directory,
    connect(config = pipeline()) {
      const csv = { ...config.sink.csv, ...settings, directory };
      return createSink({
        config: { ...config, sink: { ...config.sink, csv } },
        postgresUrl: undefined,
        clock: systemClock,
        log,
      });
    },
    async files(dataset) {
      const folder = join(directory, dataset);
      const names = await readdir(folder).catch(() => []);
      const contents = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
      return new Map(names.map((name, index) => [name, contents[index] ?? '']));
    },
    async obstruct(dataset) {
      await writeFile(join(directory, dataset), '');
      return () => rm(join(directory, dataset));
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
