import { type DuckDBConnection, DuckDBInstance, type DuckDBResult } from '@duckdb/node-api';
import { lengthOf } from '../bounded-rows.js';
import type { Cell } from '../port.js';
import { quoted } from '../quoted.js';
import type { Asked, DuckDbPlace, SqlTask } from '../task.js';
import { cellOf, columnsOf } from './cells.js';
import { asSqlError } from './errors.js';
import { checkStatement } from './statement.js';

/** What DuckDB writes at most to the folder for what does not fit into memory. */
const SPILL = '2GB';
/** Characters of text that are handed over at once. */
const CHUNK = 256 * 1024;
/** Rows that are handed over at once. */
const ROWS = 1_000;

/**
 * Asks a DuckDB of this process, which has opened its one file for reading, reaches no other, no network and no extension, and whose settings
 * are locked before the query is looked at.
 * @throws SqlError
 */
export async function askDuckDb(task: SqlTask, place: DuckDbPlace): Promise<Asked> {
  const instance = await DuckDBInstance.create(place.file, {
    access_mode: 'READ_ONLY',
    threads: '2',
    memory_limit: `${task.memory}MB`,
  });
  const connection = await instance.connect();
  await lock(connection, place, task.parquet);
  const { sql } = task;
  try {
    await checkStatement(connection, sql, place.tables);
    const result = await connection.stream(sql);
    const columns = columnsOf(result);
    if (task.parquet === undefined) return { columns, next: reading(result, sql) };
    const written = await writeParquet(connection, sql, task.parquet);
    return { columns, written, next: async () => undefined };
  } catch (error) {
    throw asSqlError(error, sql);
  }
}

async function lock(connection: DuckDBConnection, { spill }: DuckDbPlace, parquet: string | undefined): Promise<void> {
  for (const setting of [
    "TimeZone = 'UTC'",
    'errors_as_json = true',
    `temp_directory = ${quoted(spill)}`,
    `max_temp_directory_size = ${quoted(SPILL)}`,
    'autoinstall_known_extensions = false',
    'autoload_known_extensions = false',
    'allow_community_extensions = false',
    'allow_persistent_secrets = false',
    ...(parquet === undefined ? [] : [`allowed_paths = [${quoted(parquet)}]`]),
    'enable_external_access = false',
    'lock_configuration = true',
  ]) {
    await connection.run(`SET ${setting}`);
  }
}

/** The query is a text within the statement: whatever it says, it cannot become a part of it. */
async function writeParquet(connection: DuckDBConnection, sql: string, file: string): Promise<number> {
  const { rowsChanged } = await connection.run(
    `COPY (FROM query(${quoted(sql)})) TO ${quoted(file)} (FORMAT parquet, COMPRESSION zstd)`,
  );
  return rowsChanged;
}

function reading(result: DuckDBResult, sql: string): Asked['next'] {
  const batches = batchesOf(result, sql);
  return async () => (await batches.next()).value ?? undefined;
}

async function* batchesOf(result: DuckDBResult, sql: string): AsyncGenerator<Cell[][], undefined> {
  let rows: Cell[][] = [];
  let length = 0;
  for (;;) {
    const chunk = await result.fetchChunk().catch((error: unknown) => {
      throw asSqlError(error, sql);
    });
    if (chunk === null || chunk.rowCount === 0) break;
    for (let index = 0; index < chunk.rowCount; index++) {
      const row = chunk.convertRowValues(index, cellOf);
      rows.push(row);
      for (const cell of row) length += lengthOf(cell);
      if (length < CHUNK && rows.length < ROWS) continue;
      yield rows;
      rows = [];
      length = 0;
    }
  }
  if (rows.length > 0) yield rows;
}
