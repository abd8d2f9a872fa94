import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@tributary/shared';
import { createSink } from '../../src/sinks/create.js';
import { describeSink, type Store } from './conformance.js';
import { pipeline } from './records.js';

async function csvStore(settings: { neutraliseFormulas?: boolean; maxPartSize?: number } = {}): Promise<Store> {
  const directory = await mkdtemp(join(tmpdir(), 'tributary-'));
  return {
    connect(config = pipeline()) {
      const csv = { ...config.sink.csv, directory, ...settings };
      return createSink({
        config: { ...config, sink: { ...config.sink, csv } },
        postgresUrl: undefined,
        clock: systemClock,
      });
    },
    async obstruct(dataset) {
      await writeFile(join(directory, dataset), '');
      return () => rm(join(directory, dataset));
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

describeSink('CSV', csvStore);
