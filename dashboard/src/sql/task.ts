import type { Cell, SqlColumn, SqlErrorCode } from './port.js';

/** What a process is sent at first: one query, and where it is answered. */
export interface SqlTask {
  readonly sql: string;
  /** Megabytes that the engine may take. */
  readonly memory: number;
  /** Seconds. */
  readonly seconds: number;
  /** Characters behind which a text is cut; none is unless given. */
  readonly longest?: number | undefined;
  /** Writes all rows to this file as Parquet instead of giving them. */
  readonly parquet?: string | undefined;
  /** Bytes of that file beyond which the query ends. */
  readonly maxBytes?: number | undefined;
  readonly engine: DuckDbPlace | PostgresPlace;
}

export interface DuckDbPlace {
  readonly kind: 'duckdb';
  /** A file with the tables, which is opened for reading alone. */
  readonly file: string;
  /** A folder of this process alone, for what does not fit into memory. */
  readonly spill: string;
  /** The names that a query may read from. */
  readonly tables: readonly string[];
}

export interface PostgresPlace {
  readonly kind: 'postgres';
  readonly url: string;
  /** Names its session to whoever looks at the server. */
  readonly session: string;
  readonly schema: string;
  readonly tables: readonly string[];
}

export type EngineKind = SqlTask['engine']['kind'];

/** What a process is sent: which engine it needs, then its query, then each time that more is asked for. */
export type SqlMessage = { readonly start: EngineKind } | SqlTask | 'next';

/** What the process answers: `columns` at first; then `rows` each time that it is asked for more, and `end` behind the last ones. */
export type SqlAnswer =
  | { readonly columns: readonly SqlColumn[] }
  | { readonly rows: readonly (readonly Cell[])[] }
  | { readonly end: true; readonly written?: number | undefined }
  | { readonly wrong: { readonly code: SqlErrorCode; readonly message: string; readonly position: number | undefined } }
  | { readonly broken: string };

/** What answers one query within the process. */
export interface Asked {
  readonly columns: readonly SqlColumn[];
  /** @returns undefined behind the last rows */
  next(): Promise<readonly (readonly Cell[])[] | undefined>;
  /** How many rows a file has that was written. */
  readonly written?: number | undefined;
}
