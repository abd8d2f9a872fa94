import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, PipelineConfig } from '@tributary/shared';
import type { DatasetReader } from '../../data/readers/port.js';
import { tablesOf } from '../columns.js';
import type { Places } from '../places.js';
import { TablesFiles } from './tables-files.js';

export interface DuckDbPlacesOptions {
  readonly config: PipelineConfig;
  readonly reader: DatasetReader;
  readonly clock: Clock;
  /** Where files are kept; this machine's folder for temporary files unless given. */
  readonly folder?: string | undefined;
}

/** Each query has a file with the tables, which others may read too, and a folder of its own. */
export function createDuckDbPlaces({ config, reader, clock, folder }: DuckDbPlacesOptions): Places {
  const tables = tablesOf(config, true);
  const names = tables.map(({ name }) => name);
  const files = new TablesFiles(reader, clock, folder);
  return {
    tables: async () => tables,
    problems: async () => [],
    async take(signal) {
      const file = await files.take();
      try {
        signal.throwIfAborted();
        const spill = await mkdtemp(join(await files.folder(), 'query-'));
        return {
          engine: { kind: 'duckdb', file: file.path, spill, tables: names },
          asOf: file.asOf,
          release() {
            file.release();
            // The process may not have ended yet, and write once more.
            void rm(spill, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }).catch(() => {});
          },
        };
      } catch (error) {
        file.release();
        throw error;
      }
    },
    close: () => files.close(),
  };
}
