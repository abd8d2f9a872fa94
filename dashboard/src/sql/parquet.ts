import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { lengthOf } from './bounded-rows.js';
import { loadDuckDb } from './duckdb/load.js';
import { fileTooLarge, type SqlColumn, type SqlQuestion, type SqlResult, type SqlType } from './port.js';
import { quoted, quotedName } from './quoted.js';

/** What DuckDB keeps in memory at most; beyond it writes to its folder. */
const MEMORY = '192MB';
/** Digits of a decimal in Parquet. */
const DIGITS = 38;

/**
 * Writes rows as Parquet, compressed with zstd. They are put into a file beside it first: only when all are there is it known how many digits
 * a decimal column has, and whether all numbers of a column fit into its type. A column that has others is text.
 * @returns how many rows
 */
export async function writeParquetFile(
  { columns, rows }: Pick<SqlResult, 'columns' | 'rows'>,
  file: string,
  { signal, maxBytes }: Pick<SqlQuestion, 'signal' | 'maxBytes'>,
): Promise<number> {
  const { DuckDBInstance } = await loadDuckDb('Parquet is written');
  const folder = await mkdtemp(join(dirname(file), 'parquet-'));
  const instance = await DuckDBInstance.create(join(folder, 'rows.duckdb'), { threads: '2', memory_limit: MEMORY });
  try {
    const connection = await instance.connect();
    try {
      await connection.run(`SET temp_directory = ${quoted(folder)}`);
      await connection.run("SET TimeZone = 'UTC'");
      const count = await keep(connection, columns, bounded(rows, folder, maxBytes), signal);
      const values = await valuesOf(connection, columns);
      signal.throwIfAborted();
      const interrupt = () => connection.interrupt();
      signal.addEventListener('abort', interrupt, { once: true });
      await connection
        .run(`COPY (SELECT ${values.join(', ')} FROM kept) TO ${quoted(file)} (FORMAT parquet, COMPRESSION zstd)`)
        .finally(() => signal.removeEventListener('abort', interrupt));
      return count;
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Bytes of text that are kept between two looks at how much is on the disk. */
const BETWEEN = 4_000_000;

/** Ends when the folder holds more than it may. @throws SqlError */
async function* bounded(rows: SqlResult['rows'], folder: string, maxBytes: number | undefined): SqlResult['rows'] {
  let next = BETWEEN;
  for await (const batch of rows) {
    yield batch;
    for (const row of batch) for (const cell of row) next -= lengthOf(cell);
    if (maxBytes === undefined || next > 0) continue;
    next = BETWEEN;
    if ((await bytesIn(folder)) > maxBytes) throw fileTooLarge(maxBytes);
  }
}

async function bytesIn(folder: string): Promise<number> {
  const files = await readdir(folder);
  const sizes = await Promise.all(
    files.map((file) =>
      stat(join(folder, file)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function keep(
  connection: DuckDBConnection,
  columns: readonly SqlColumn[],
  rows: SqlResult['rows'],
  signal: AbortSignal,
): Promise<number> {
  await connection.run(`CREATE TABLE kept (${columns.map((_, index) => `c${index} VARCHAR`).join(', ')})`);
  const appender = await connection.createAppender('kept');
  let count = 0;
  try {
    for await (const batch of rows) {
      signal.throwIfAborted();
      for (const row of batch) {
        for (const cell of row) {
          if (cell === null) appender.appendNull();
          else appender.appendVarchar(String(cell));
        }
        appender.endRow();
      }
      count += batch.length;
      appender.flushSync();
    }
  } finally {
    appender.closeSync();
  }
  return count;
}

/** Each column as it is written. */
async function valuesOf(connection: DuckDBConnection, columns: readonly SqlColumn[]): Promise<string[]> {
  const digits = columns.map(({ type }, index) =>
    type === 'decimal' ? `max(length(split_part(c${index}, '.', 2)))` : 'NULL',
  );
  const [found = []] = (await connection.runAndReadAll(`SELECT ${digits.join(', ')} FROM kept`)).getRows();
  const types = columns.map(({ type }, index) => TYPES[type]?.(Number(found[index] ?? 0)));
  const misfits = types.map((type, index) =>
    type === undefined
      ? 'false'
      : `coalesce(bool_or(c${index} IS NOT NULL AND TRY_CAST(c${index} AS ${type}) IS NULL), false)`,
  );
  const [isMisfit = []] = (await connection.runAndReadAll(`SELECT ${misfits.join(', ')} FROM kept`)).getRows();
  return columns.map(({ name }, index) => {
    const type = isMisfit[index] === true ? undefined : types[index];
    return `${type === undefined ? `c${index}` : `CAST(c${index} AS ${type})`} AS ${quotedName(name)}`;
  });
}

/** The types of Parquet that have one; what is missing is text. */
const TYPES: Readonly<Partial<Record<SqlType, (digits: number) => string>>> = {
  integer: () => 'BIGINT',
  number: () => 'DOUBLE',
  decimal: (digits) => `DECIMAL(${DIGITS}, ${Math.min(digits, DIGITS)})`,
  boolean: () => 'BOOLEAN',
  datetime: () => 'TIMESTAMPTZ',
  date: () => 'DATE',
};
