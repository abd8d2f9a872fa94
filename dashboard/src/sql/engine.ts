import { type Clock, type PipelineConfig, RetryableError } from '@tributary/shared';
import type { DatasetReader } from '../data/readers/port.js';
import { createDuckDbPlaces } from './duckdb/places.js';
import { writeRows } from './files.js';
import type { Places } from './places.js';
import type { SqlEngine, SqlFile, SqlFormat, SqlQuestion, SqlResult } from './port.js';
import { createPostgresPlaces } from './postgres/places.js';
import { SqlProcess } from './process.js';
import { resultOf } from './result.js';

export interface SqlEngineOptions {
  readonly config: PipelineConfig;
  readonly reader: DatasetReader;
  /** The Postgres of the sink. */
  readonly postgresUrl?: string | undefined;
  /** The same Postgres, as a role that may read the datasets and nothing else. */
  readonly sqlUrl?: string | undefined;
  /** Where files are kept while something is written; this machine's folder for temporary files unless given. */
  readonly folder?: string | undefined;
  readonly clock: Clock;
}

const SECONDS = 30;
const MEMORY = 256;
/** Characters of a query. */
export const LONGEST_QUERY = 50_000;

/** Asks what the pipeline's sink holds. */
export function createSqlEngine(options: SqlEngineOptions): SqlEngine {
  const kind = options.config.sink.type;
  const places: Places = kind === 'postgres' ? createPostgresPlaces(options) : createDuckDbPlaces(options);
  const closing = new AbortController();
  const { neutraliseFormulas } = options.config.sink.csv;

  /** Begins a query; whatever `use` comes to, nothing of it is left behind. */
  async function begin(
    sql: string,
    question: SqlQuestion,
    parquet?: string,
  ): Promise<SqlResult & { written(): number }> {
    const { seconds = SECONDS, memory = MEMORY, maxRows, longest, maxBytes } = question;
    const signal = AbortSignal.any([question.signal, closing.signal]);
    const place = await places.take(signal, seconds);
    const process = new SqlProcess({ sql, memory, seconds, longest, parquet, maxBytes, engine: place.engine }, signal);
    const end = () => {
      process.end();
      place.release();
    };
    try {
      const first = await process.begin();
      if (!('columns' in first)) throw new RetryableError('sql_failed', 'the query gave no columns; try again');
      return resultOf({ columns: first.columns, asOf: place.asOf, maxRows, next: () => process.next(), end, signal });
    } catch (error) {
      end();
      throw error;
    }
  }

  return {
    dialect: kind === 'postgres' ? 'PostgreSQL' : 'DuckDB',
    tables: () => places.tables(),
    problems: () => places.problems(),
    run: (sql, question) => begin(sql, question),
    async writeTo(sql: string, file: string, format: SqlFormat, question: SqlQuestion): Promise<SqlFile> {
      if (format === 'parquet' && kind === 'csv' && question.maxRows === undefined) {
        const { columns, rows, asOf, written } = await begin(sql, question, file);
        for await (const _ of rows);
        return { columns, rows: written(), asOf };
      }
      const result = await begin(sql, question);
      const rows = await writeRows(result, file, format, { ...question, neutraliseFormulas });
      return { columns: result.columns, rows, asOf: result.asOf };
    },
    async close() {
      closing.abort(new RetryableError('closed', 'the dashboard is being stopped'));
      await places.close();
    },
  };
}
