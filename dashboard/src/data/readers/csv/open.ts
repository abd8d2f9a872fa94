import { constants, copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { loadDuckDb } from '../../../sql/duckdb/load.js';
import { quoted } from '../../../sql/quoted.js';
import { type Folder, takeFolder } from './folder.js';

/** Threads that work on one statement. */
const THREADS = 2;
/** What DuckDB keeps in memory at most; beyond it writes to its folder. */
const MEMORY = '192MB';
/** What DuckDB writes to its folder at most for what does not fit into memory. */
const SPILL = '4GB';

/** What statements call the file: its tables stand there, and none of the names of this process's memory. */
export const STORE = 'store';
/** The schema of the tables; what the file's own schema holds is for other readers of the file. */
export const TABLES = 'tables';
const FILE = 'rows.duckdb';
/** Raised whenever the tables become others. */
const FORMAT = 2;

/** What goes on in the next process. */
export interface Keeping {
  /** What the file belongs to. */
  readonly id: string;
  /** What its tables and views are made by: a file of anything else is made anew. */
  readonly about: string;
  /** What is known of the tables. It fits to them whenever nobody writes. */
  state(): string;
}

/** A database that was opened. */
export interface Opened {
  readonly instance: DuckDBInstance;
  readonly writer: DuckDBConnection;
  readonly folder: Folder;
  /** What the last process noted of the tables; undefined if there is nothing of it. */
  readonly kept: string | undefined;
}

/**
 * Opens what an earlier process has left, if it is whole, or a new file.
 * @param keeping without it nothing is kept
 * @throws RetryableError if DuckDB cannot be loaded
 */
export async function openDatabase(above: string, keeping: Keeping | undefined): Promise<Opened> {
  const { DuckDBInstance } = await loadDuckDb('CSV is read');
  const folder = await takeFolder(above, keeping?.id);
  for (let isKept = folder.isKept; ; isKept = false) {
    const instance = await DuckDBInstance.create(':memory:', { threads: String(THREADS), memory_limit: MEMORY });
    const writer = await instance.connect();
    try {
      await prepare(writer, folder.path);
      return { instance, writer, folder, kept: isKept ? await keptOf(writer, keeping) : undefined };
    } catch (error) {
      writer.closeSync();
      instance.closeSync();
      if (!isKept) throw error;
      // Torn, another version's, or of another configuration.
      await rm(join(folder.path, FILE), { force: true });
    }
  }
}

async function prepare(writer: DuckDBConnection, folder: string): Promise<void> {
  // What is written is kept from checkpoint to checkpoint: a log of it would be as large as the rows.
  await writer.run(`ATTACH ${quoted(join(folder, FILE))} AS ${STORE} (RECOVERY_MODE no_wal_writes)`);
  for (const setting of [
    `temp_directory = ${quoted(join(folder, 'spilled'))}`,
    `max_temp_directory_size = ${quoted(SPILL)}`,
    // Only when what stands beside the rows is noted with them.
    "checkpoint_threshold = '1TB'",
    'autoinstall_known_extensions = false',
    'autoload_known_extensions = false',
    `allowed_directories = [${quoted(`${folder}/`)}]`,
    'enable_external_access = false',
    "allowed_configs = ['threads']",
    'lock_configuration = true',
  ]) {
    await writer.run(`SET ${setting}`);
  }
  await writer.run(`USE ${STORE}`);
  await writer.run(`CREATE SCHEMA IF NOT EXISTS ${TABLES}`);
  await writer.run(`CREATE TABLE IF NOT EXISTS ${KEPT} (about VARCHAR, version VARCHAR, state VARCHAR)`);
}

const KEPT = `${STORE}.${TABLES}.kept`;

const aboutOf = (keeping: Keeping | undefined): string => `${FORMAT} ${keeping?.about ?? ''}`;

/** @throws if a block of the file is not what was written there */
async function keptOf(writer: DuckDBConnection, keeping: Keeping | undefined): Promise<string | undefined> {
  const ask = async (text: string, values: string[] = []) =>
    (await writer.runAndReadAll(text, values)).getRowObjectsJS();
  const [found] = await ask(`SELECT state FROM ${KEPT} WHERE about = $1 AND version = version()`, [aboutOf(keeping)]);
  if (found === undefined) throw new Error('the file is of another version or configuration');
  const columns = await ask(
    `SELECT table_name AS name, list(column_name) AS columns FROM duckdb_columns()
      WHERE database_name = ${quoted(STORE)} AND schema_name = ${quoted(TABLES)} AND data_type = 'VARCHAR' GROUP BY 1`,
  );
  // Each block is compared with its checksum as it is read.
  for (const { name, columns: texts } of columns) {
    const lengths = (texts as string[]).map((text) => `max(strlen(${text}))`).join(', ');
    await ask(`SELECT ${lengths} FROM ${STORE}.${TABLES}.${String(name)}`);
  }
  return String(found.state);
}

/** Notes beside the rows what is known of them, and moves all from memory to the file. */
export async function storeAll(writer: DuckDBConnection, keeping: Keeping | undefined): Promise<void> {
  await writer.run('BEGIN TRANSACTION');
  await writer.run(`DELETE FROM ${KEPT}`);
  await writer.run(`INSERT INTO ${KEPT} VALUES ($1, version(), $2)`, [aboutOf(keeping), keeping?.state() ?? '']);
  await writer.run('COMMIT');
  await writer.run(`CHECKPOINT ${STORE}`);
}

/** Two threads that insert wait for each other's memory, and take twice the CPU of one. */
export const useThreads = (writer: DuckDBConnection, isInserting: boolean): Promise<unknown> =>
  writer.run(`SET threads = ${isInserting ? 1 : THREADS}`);

/** Copies the file as it was stored last. */
export const copyStored = ({ folder }: Opened, to: string): Promise<void> =>
  copyFile(join(folder.path, FILE), to, constants.COPYFILE_FICLONE);

/** Copies all rows as they are now, one by one. */
export async function copyRows({ folder, writer }: Opened, to: string): Promise<void> {
  const path = join(folder.path, 'copy.duckdb');
  try {
    await writer.run(`ATTACH ${quoted(path)} AS copy`);
    try {
      await writer.run(`COPY FROM DATABASE ${STORE} TO copy`);
      await writer.run('CHECKPOINT copy');
    } finally {
      await writer.run('DETACH copy');
    }
    await copyFile(path, to, constants.COPYFILE_FICLONE);
  } finally {
    await rm(path, { force: true });
  }
}
