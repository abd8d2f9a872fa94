/** What a column of a result holds, in the words of the pipeline file; `json` also for lists and structures. */
export const SQL_TYPES = ['string', 'integer', 'number', 'decimal', 'boolean', 'datetime', 'date', 'json'] as const;
export type SqlType = (typeof SQL_TYPES)[number];

export interface SqlColumn {
  /** No two columns of a result have the same. */
  readonly name: string;
  readonly type: SqlType;
}

/**
 * A value: a number for `number`, and for `integer` where a double holds it; the digits as text for `decimal` and for larger integers;
 * text for all else, JSON as its text.
 */
export type Cell = string | number | boolean | null;

export interface SqlLimits {
  /** Rows after which the result is cut; all unless given. */
  readonly maxRows?: number | undefined;
  /** Characters behind which a text is cut, and ends with `…`: those that are cut, and no others, are longer. None is unless given. */
  readonly longest?: number | undefined;
  /** Seconds that the engine may work; 30 unless given. */
  readonly seconds?: number | undefined;
  /** Megabytes that the engine may take; 256 unless given. */
  readonly memory?: number | undefined;
  /** Bytes of a Parquet file beyond which the query ends; no bound unless given. */
  readonly maxBytes?: number | undefined;
}

export interface SqlQuestion extends SqlLimits {
  /** Ends the query when it aborts. */
  readonly signal: AbortSignal;
}

export interface SqlResult {
  readonly columns: readonly SqlColumn[];
  /** Some hundred rows at a time, in the order that the query asks for. Whoever stops to read ends the query. */
  readonly rows: AsyncIterable<readonly (readonly Cell[])[]>;
  /** The moment as of which all tables are read, ISO 8601 in UTC. */
  readonly asOf: string;
  /** Whether there were more rows than `maxRows`; known when the rows have ended. */
  isCut(): boolean;
}

export const SQL_FORMATS = ['csv', 'ndjson', 'json', 'parquet'] as const;
export type SqlFormat = (typeof SQL_FORMATS)[number];

/** A file that was written. */
export interface SqlFile {
  readonly columns: readonly SqlColumn[];
  readonly rows: number;
  readonly asOf: string;
}

/** A table that a query may name. */
export interface SqlTable {
  readonly name: string;
  /** The dataset whose rows it holds. */
  readonly dataset: string;
  /** `latest`: one row for each key that is not deleted; `history`: every row that is kept. */
  readonly view: 'latest' | 'history';
  readonly columns: readonly SqlColumn[];
}

/**
 * Asks all datasets of the pipeline in SQL, as of one moment, and can do nothing else: no file, no network, no setting and no other table is
 * reached, and nothing is written. Each query runs in a process of its own with limits of time and memory.
 *
 * Calls reject with a SqlError for what the query is at fault for, with a RetryableError for what it is not, and with the signal's reason.
 */
export interface SqlEngine {
  /** Whose SQL it is. */
  readonly dialect: 'DuckDB' | 'PostgreSQL';
  tables(): Promise<readonly SqlTable[]>;
  /** What a person should mend where it asks, in words. Rejects if it cannot be asked. */
  problems(): Promise<readonly string[]>;
  run(sql: string, question: SqlQuestion): Promise<SqlResult>;
  /**
   * Writes the result to a file that is made or overwritten; not synced, and left as it is when it fails.
   * @param format `parquet` is compressed with zstd
   */
  writeTo(sql: string, file: string, format: SqlFormat, question: SqlQuestion): Promise<SqlFile>;
  /** Ends all queries. May be called twice. */
  close(): Promise<void>;
}

/** The query is at fault, or asks for too much: the message says why, without a path or an address. */
export class SqlError extends Error {
  /** `sql_wrong`, `sql_refused`, `sql_too_slow` or `sql_too_large`. */
  readonly code: SqlErrorCode;
  /** Where in the query, in UTF-16 code units; undefined if that is not known. */
  readonly position: number | undefined;

  constructor(code: SqlErrorCode, message: string, position?: number) {
    super(message);
    this.code = code;
    this.position = position;
  }
}

/** @param bytes of the file, at most */
export const fileTooLarge = (bytes = 0): SqlError => {
  const most = `${(bytes / 1_000_000).toLocaleString('en', { maximumFractionDigits: 1 })} MB`;
  const remedy = 'ask for fewer rows or columns, for CSV, or have an export write it';
  return new SqlError('sql_too_large', `a Parquet file has ${most} at most here: ${remedy}`);
};

export type SqlErrorCode = 'sql_wrong' | 'sql_refused' | 'sql_too_slow' | 'sql_too_large';
