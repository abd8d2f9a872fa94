import type { FieldType } from '@tributary/shared';

/** `latest`: one row for each key that is not deleted; `history`: every row ever written, tombstones too. */
export type View = 'latest' | 'history';

export interface Selection {
  readonly view: View;
  /** Words that must all occur in a row, in any of its columns or its key, in any letter case; '' for every row. */
  readonly search: string;
}

export interface RowQuery extends Selection {
  readonly offset: number;
  readonly limit: number;
}

export interface Column {
  readonly name: string;
  readonly type: FieldType;
  readonly optional: boolean;
  /** One of Tributary's own (`_key`, `_hash`, ...), behind the dataset's. */
  readonly system: boolean;
}

/** What is known about a dataset at this moment, small enough to be asked for every two seconds. */
export interface DatasetSummary {
  readonly name: string;
  /** The entity whose records it holds; null for the merge. */
  readonly entity: string | null;
  /** The column that holds a row's key. */
  readonly key: string;
  /** All rows, tombstones too. */
  readonly rows: number;
  /** Keys whose latest row is not a tombstone: the rows of the `latest` view. */
  readonly keys: number;
  readonly bytes: number;
  /** How many files the dataset is in. */
  readonly parts: number;
  /** ISO 8601 in UTC; null while there is no row. */
  readonly lastWrittenAt: string | null;
  /** Rows written in each of the last 60 minutes, this minute last. */
  readonly activity: readonly number[];
  /** Changes whenever rows do: what was fetched under the same revision is still true. */
  readonly revision: string;
  /** How far a first read of the data has come, in bytes; null once every number here is complete. */
  readonly indexing: { readonly done: number; readonly total: number } | null;
  /** What is wrong with the data, in words. */
  readonly problems: readonly string[];
}

export interface PartSummary {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface DatasetDescription extends DatasetSummary {
  readonly columns: readonly Column[];
  readonly files: readonly PartSummary[];
}

/** A cell too long for a table: the page holds its beginning only. */
export interface ClippedCell {
  /** Index in the page's rows. */
  readonly row: number;
  readonly column: string;
  /** The whole cell's length in UTF-16 code units. */
  readonly length: number;
}

/** Rows as a table shows them: the newest first, each an array of values in the order of the columns. */
export interface RowPage {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly unknown[])[];
  readonly clipped: readonly ClippedCell[];
  /** How many rows the selection has on all pages together. */
  readonly total: number;
  readonly revision: string;
}

/** A selection as a file: cells are text, exactly as the sink wrote it. */
export interface Download {
  readonly columns: readonly string[];
  /** Rows as of the moment of the call. It throws if the data is replaced while it is read. */
  readonly rows: AsyncIterable<readonly string[]>;
}

/**
 * Reads what a sink wrote. One adapter for each sink; it only ever looks at the datasets that the pipeline names, and
 * answers undefined for any other name.
 *
 * Every call may be made before `start`, and tells of what has been written up to then; a first read of much data goes
 * on in the background while calls answer with what is known (see `indexing`). A call whose signal aborts rejects with
 * the signal's reason. `close` may be called twice, and ends what is under way.
 */
export interface DatasetReader {
  /** Begins to read, so that the first visitor need not wait; does not wait for it. */
  start(): void;
  close(): Promise<void>;
  list(): Promise<DatasetSummary[]>;
  describe(dataset: string): Promise<DatasetDescription | undefined>;
  rows(dataset: string, query: RowQuery, signal: AbortSignal): Promise<RowPage | undefined>;
  download(dataset: string, selection: Selection, signal: AbortSignal): Promise<Download | undefined>;
  /** What keeps it from reading, in words; empty if nothing does. */
  problems(): readonly string[];
  /** What is known now, without looking: for metrics. */
  known(): readonly DatasetSummary[];
}
