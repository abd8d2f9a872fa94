import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { RetryableError } from '@tributary/shared';
import { makeFolder } from './folder.js';

/** What DuckDB keeps in memory at most; beyond it writes to its folder. */
const MEMORY = '256MB';
/** What DuckDB writes to its folder at most for what does not fit into memory. */
const SPILL = '4GB';

/** What statements call the file: its tables stand there, and none of the names of this process's memory. */
export const STORE = 'store';

/** A database that was opened. */
export interface Opened {
  readonly instance: DuckDBInstance;
  readonly writer: DuckDBConnection;
  readonly folder: string;
}

/** A text as it stands in a statement; for what does not come from outside. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** @throws RetryableError if DuckDB cannot be loaded */
export async function openDatabase(above: string): Promise<Opened> {
  const { DuckDBInstance } = await import('@duckdb/node-api').catch((error: unknown) => {
    throw new RetryableError('duckdb_missing', NOT_HERE, { cause: error });
  });
  const folder = await makeFolder(above);
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: MEMORY });
  const writer = await instance.connect();
  // Nothing is read from the file after a crash, so no log of what is written is kept: it would be as large as the rows.
  await writer.run(`ATTACH ${quoted(join(folder, 'rows.duckdb'))} AS ${STORE} (RECOVERY_MODE no_wal_writes)`);
  for (const setting of [
    `temp_directory = ${quoted(join(folder, 'spilled'))}`,
    `max_temp_directory_size = ${quoted(SPILL)}`,
    'autoinstall_known_extensions = false',
    'autoload_known_extensions = false',
    `allowed_directories = [${quoted(`${folder}/`)}]`,
    'enable_external_access = false',
    'lock_configuration = true',
  ]) {
    await writer.run(`SET ${setting}`);
  }
  return { instance, writer, folder };
}

const NOT_HERE =
  'CSV is read with DuckDB, which cannot be loaded on this machine: run npm ci again without --omit=optional, on a system that has @duckdb/node-bindings (Linux with glibc, macOS or Windows)';
