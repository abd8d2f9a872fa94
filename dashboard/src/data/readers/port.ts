import type { Readable } from 'node:stream';
import type { FieldType } from '@tributary/shared';

/** `latest`: one row for each key that is not deleted; `history`: every row ever written, tombstones too. */
export type View = 'latest' | 'history';

/** How a column's value is compared. `contains` ignores the letter case; `above` and the like compare numbers, times and text. */
export const COMPARISONS = ['is', 'not', 'contains', 'above', 'below', 'from', 'to', 'empty', 'filled'] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** One filter of a table: `city is Berlin`, `price above 100`. */
export interface Condition {
  readonly column: string;
  readonly is: Comparison;
  /** '' for `empty` and `filled`. */
  readonly value: string;
}

export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}

export interface Selection {
  readonly view: View;
  /** All of them must hold. */
  readonly where: readonly Condition[];
  /** Words that must all occur in a row, in its key or any of its columns, in any letter case; '' for every row. */
  readonly search: string;
}

export interface RowQuery extends Selection {
  /** The reader's own order if undefined (see RowPage). Rows without a value in the column come last. */
  readonly sort: Sort | undefined;
  readonly offset: number;
  readonly limit: number;
  /** Whether the page tells its facets too. */
  readonly facets?: boolean | undefined;
}

export interface Column {
  readonly name: string;
  readonly type: FieldType;
  readonly optional: boolean;
  /** One of Tributary's own columns (`_key`, `_hash`, ...), which stand behind the dataset's. */
  readonly system: boolean;
}

/** What is known about a dataset now, small enough to be asked for every two seconds. */
export interface DatasetSummary {
  readonly name: string;
  /** The entity whose records it holds; null for a merge and an aggregate. */
  readonly entity: string | null;
  /** Of an aggregate: the dataset whose rows it groups. */
  readonly groups: string | null;
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
  /** Changes whenever the rows do: what was fetched under the same revision is still true. */
  readonly revision: string;
  /** How many bytes a first read of the data has read, and of how many; null once every number here is complete. */
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

/** A cell that is too long for a table: the page holds only its beginning. */
export interface ClippedCell {
  /** Index in the page's rows. */
  readonly row: number;
  readonly column: string;
  /** The whole cell's length in UTF-16 code units. */
  readonly length: number;
}

/**
 * Rows as a table shows them, each an array of values in the order of the columns. Rows, total and facets are as of one moment,
 * whatever is written meanwhile.
 */
export interface RowPage {
  /** The order where no sort was asked for: the rows written last come first, or, where that would take too long, by key. */
  readonly order: 'newest' | 'key';
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly unknown[])[];
  readonly clipped: readonly ClippedCell[];
  /**
   * How many rows the selection has on all pages together. Of a table that takes long to count, and is shown without search and
   * filters, it is the number that was counted last.
   */
  readonly total: number;
  /** Null if they were not asked for. */
  readonly facets: readonly Facet[] | null;
  /** What the page shows: this revision, or a later one. */
  readonly revision: string;
}

/** A question that this dataset cannot answer with any data: the message says why. */
export class QueryError extends Error {}

/** No setting says where the sink is: the message says which one to give. */
export class SinkNotSetError extends Error {}

export class UnknownColumnError extends QueryError {
  constructor(column: string) {
    super(`there is no column "${column.slice(0, 80)}" in this dataset`);
  }
}

/** How often each value of a column occurs in a selection. */
export interface Facet {
  readonly column: string;
  /** The most frequent first; null stands for nothing. */
  readonly values: readonly { readonly value: string | number | boolean | null; readonly count: number }[];
  /** Different values beyond those given. */
  readonly more: number;
}

/** The facets of a selection, as of one moment. */
export interface Facets {
  readonly facets: readonly Facet[];
  /** How many rows the selection has. */
  readonly total: number;
  readonly revision: string;
}

/** What the values of one column are like, in the rows of a view. */
export interface ColumnProfile {
  readonly column: Column;
  /** Rows without a value. */
  readonly empty: number;
  /** How many different values there are, and whether that is only about. */
  readonly distinct: number;
  readonly isAbout: boolean;
  /** In the column's own order, cut if they are long; null without a value, and for what has no order. */
  readonly least: string | null;
  readonly most: string | null;
  /** How many rows stand in each of some equal steps from the least to the most; null where numbers and times alone have one. */
  readonly histogram: readonly number[] | null;
  /** Some values, cut if they are long: the most frequent ones with how often each occurs, or any, without. */
  readonly examples: readonly { readonly value: string; readonly count: number | null }[];
  /** When the first row with a value was written, of those that are still there; ISO 8601 in UTC. */
  readonly since: string | null;
}

/** What the values are like as of one moment, in rows that are no tombstones. */
export interface Profile {
  readonly rows: number;
  /** When the first of them was written; ISO 8601 in UTC. */
  readonly since: string | null;
  /** The dataset's own, without Tributary's. */
  readonly columns: readonly ColumnProfile[];
  /** Columns beyond those that are told. */
  readonly left: number;
}

export const CHARTS = ['line', 'bar', 'scatter', 'histogram'] as const;
/** What stands for the values of rows that are put together. */
export const HOWS = ['average', 'sum', 'least', 'most'] as const;

/** A chart of all rows of a selection. */
export interface ChartQuery extends Selection {
  readonly chart: (typeof CHARTS)[number];
  /** A column of numbers or times; for bars any. */
  readonly x: string;
  /** A column of numbers; how many rows there are if undefined. A scatter needs one, a histogram has none. */
  readonly y?: string | undefined;
  readonly how: (typeof HOWS)[number];
  /** A column whose most frequent values are lines of their own; lines and points alone have it. */
  readonly by?: string | undefined;
}

/** What a chart shows, as of one moment. */
export interface Chart {
  /** x, the column that rows are told apart by if there is one, and y. */
  readonly columns: readonly Pick<Column, 'name' | 'type'>[];
  /** In the order of x, but for a scatter; of bars that stand for texts the most frequent first. */
  readonly rows: readonly (readonly (string | number | null)[])[];
  /** How many rows the selection has, and how many of them have what is drawn. */
  readonly total: number;
  readonly drawn: number;
  /** Rows are put together by steps of x of this width, times in milliseconds, which each begin at their x; null for no steps. */
  readonly step: number | null;
  /** Values that have no bar or line, since others are more frequent. */
  readonly left: number;
  readonly revision: string;
}

/** Where one version of a key is. */
export interface VersionPlace {
  /** In words: a file with the number of the record, or a table. */
  readonly place: string;
  /** The writer of the consumer that wrote it; null if the sink does not keep that. */
  readonly writer: string | null;
  /** What was written together with it; null if the sink does not keep that. */
  readonly batch: Batch | null;
}

/** The rows of one dataset that became durable in one write and are still there. */
export interface Batch {
  readonly rows: number;
  /** The first and the last of them among the records of their file, from 1 on; null if the sink is no file. */
  readonly records: readonly [first: number, last: number] | null;
}

/** The rows that were accepted for one key, the newest first by the dataset's order. */
export interface Versions {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly unknown[])[];
  readonly places: readonly VersionPlace[];
  /** How many there are, also those that are not given. */
  readonly total: number;
}

/** Keys of a merge with this part in one of the places: `FIRST/SECOND`, or `FIRST/SECOND/2`; of a star `FIRST/SECOND/THIRD`. */
export interface KeyPattern {
  /** From 0 on. */
  readonly place: number;
  readonly part: string;
}

/** A selection as a file: cells are text, exactly as the sink wrote them. */
export interface Download {
  readonly columns: readonly string[];
  /** Rows as of the moment of the call. Reading them throws if the data is replaced meanwhile. */
  readonly rows: AsyncIterable<readonly string[]>;
  /** The whole value that a cell's text stands for; undefined for nothing. */
  decode(column: string, cell: string): unknown;
}

/**
 * Reads what a sink wrote. There is one adapter for each kind of sink. It only looks at the datasets that the pipeline names,
 * and answers undefined for any other name.
 *
 * Every call may be made before `start`, and answers with what has been written up to then. A first read of much data goes
 * on in the background, while calls answer with what is known (see `indexing`). A call whose signal aborts rejects with
 * the signal's reason. `close` may be called twice, and ends calls that have not ended.
 */
export interface DatasetReader {
  /** Begins to read in the background, so that the first visitor need not wait. */
  start(): void;
  close(): Promise<void>;
  list(): Promise<DatasetSummary[]>;
  describe(dataset: string): Promise<DatasetDescription | undefined>;
  rows(dataset: string, query: RowQuery, signal: AbortSignal): Promise<RowPage | undefined>;
  download(dataset: string, selection: Selection, signal: AbortSignal): Promise<Download | undefined>;
  /** The whole lines of one of a dataset's files; undefined if there is no file of that name. */
  part(dataset: string, name: string): Promise<{ readonly bytes: number; read(): Readable } | undefined>;
  /** The columns with few different values, and how often each occurs; at most a dozen values each. */
  facets(dataset: string, selection: Selection, signal: AbortSignal): Promise<Facets | undefined>;
  /** What the values of each column are like. All rows are read, some times for each column. */
  profile(dataset: string, view: View, signal: AbortSignal): Promise<Profile | undefined>;
  /** @throws QueryError if the columns cannot be drawn so */
  chart(dataset: string, query: ChartQuery, signal: AbortSignal): Promise<Chart | undefined>;
  /** @param limit versions to give at most */
  versions(dataset: string, key: string, limit: number, signal: AbortSignal): Promise<Versions | undefined>;
  /** The live keys that fit a pattern, in their order. */
  keys(
    dataset: string,
    pattern: KeyPattern,
    limit: number,
    signal: AbortSignal,
  ): Promise<{ readonly keys: readonly string[]; readonly total: number } | undefined>;
  /**
   * Writes all datasets as they are at one moment to a file that DuckDB opens: each has a view with its name, and one with `_history`
   * behind it (unless a dataset has that name), with values of the pipeline's types. Whoever asks removes the file. Undefined where
   * queries go to the sink itself.
   * @throws RetryableError if not all is read
   */
  snapshot?(file: string): Promise<{ readonly asOf: string }>;
  /** What keeps the reader from reading, in words; empty if nothing does. */
  problems(): readonly string[];
  /** The summaries as they are known, without reading anything: for metrics. */
  known(): readonly DatasetSummary[];
}
