import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { quoted } from './duckdb/quoted.js';
import type { Cell, SqlResult, SqlType } from './port.js';

const MEMORY = '256MB';

/** What DuckDB calls the types. */
const TYPES = {
  string: 'VARCHAR',
  integer: 'BIGINT',
  number: 'DOUBLE',
  decimal: 'DECIMAL(38, 9)',
  boolean: 'BOOLEAN',
  datetime: 'TIMESTAMPTZ',
  date: 'DATE',
  json: 'JSON',
} as const satisfies Record<SqlType, string>;

/** Writes rows that another engine has given as Parquet: through a file of lines, so that memory stays small. @returns how many */
export async function writeParquetFile(
  { columns, rows }: SqlResult,
  file: string,
  signal: AbortSignal,
): Promise<number> {
  const lines = `${file}.lines`;
  let count = 0;
  async function* text() {
    for await (const batch of rows) {
      count += batch.length;
      yield batch.map((row) => `${row.map(cellText).join(',')}\n`).join('');
    }
  }
  try {
    await pipeline(Readable.from(text()), createWriteStream(lines), { signal });
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: MEMORY });
    const connection = await instance.connect();
    try {
      const types = columns.map(({ name, type }) => `${quoted(name)}: ${quoted(TYPES[type])}`).join(', ');
      await connection.run(
        `COPY (FROM read_csv(${quoted(lines)}, columns = {${types}}, auto_detect = false, header = false, delim = ',', quote = '"',
          escape = '"', new_line = '\\n', nullstr = '', allow_quoted_nulls = false, max_line_size = 200000000))
         TO ${quoted(file)} (FORMAT parquet, COMPRESSION zstd)`,
      );
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
    return count;
  } finally {
    await rm(lines, { force: true });
  }
}

/** Nothing is the cell without quotes; the empty text has them. */
const cellText = (cell: Cell): string => (cell === null ? '' : `"${String(cell).replaceAll('"', '""')}"`);
