import type { Field } from '@tributary/shared';
import type {
  Column,
  DatasetDescription,
  DatasetReader,
  DatasetSummary,
  RowPage,
  RowQuery,
  VersionPlace,
  View,
} from '../port.js';

/** A column of a dataset: how statements name it, and how its cells are read. All but the first two are expressions. */
export interface QueryColumn {
  readonly column: Column;
  readonly field: Field;
  /** The column itself. */
  readonly name: string;
  /** Its text as the database has it at the least cost: equal values have the same. */
  readonly plain: string;
  /** Its text as people read it, the same for every sink; '' or NULL for nothing. */
  readonly text: string;
  /** Holds for a row with a value. */
  readonly filled: string;
  /** What rows are sorted by, and what its values are compared with: NULL for nothing. */
  readonly sorted: string;
  /** What a value from outside has to be cast to before it is compared; text unless given. */
  readonly cast?: string | undefined;
  /** What tells values apart that are equal in {@link sorted}; NULL where nothing does. */
  readonly tie?: Tie | undefined;
  /** Whether its value is the row's `_key`, which has an index, and this one has none. */
  readonly isKey?: boolean;
  /** The value as a number without infinity, times in milliseconds since 1970. */
  readonly number?: string | undefined;
  /** The least and the most as text, where {@link number} has not all their digits. */
  readonly ends?: readonly [least: string, most: string] | undefined;
  /** Its text as the sink would write it, where the database has another one. */
  rewritten?(text: string): string;
}

export interface Tie {
  readonly sorted: string;
  exactly(text: string): string;
}

/** Values for a statement: what comes from a request becomes one of them, and never a part of the statement's text. */
export class Parameters {
  readonly values: string[] = [];

  /** @returns its place in the statement */
  add(value: string): string {
    return `$${this.values.push(value)}`;
  }
}

export type Line = Readonly<Record<string, unknown>>;
/** Asks a database. All that one asks is answered as of one moment. */
export type Ask = <Row = Line>(text: string, values?: readonly string[]) => Promise<Row[]>;

/** What a database says in a way of its own. All are expressions. */
export interface Dialect {
  /** A text that is compared by its bytes. */
  binary(text: string): string;
  /** What has to be asked for so that this text comes as it is. */
  fetched(text: string): string;
  /** Bytes of a text in UTF-8. */
  bytes(text: string): string;
  /** The length of a text in JavaScript, which counts a character beyond U+FFFF as two. */
  units(text: string): string;
  /** About how many different texts there are. */
  different(text: string): string;
  /** Whether a text has a part that is equal to this but for the letter case. */
  contains(text: string, part: string, parameters: Parameters): string;
  /** Conditions that hold for rows in which all words occur. */
  search(words: readonly string[], columns: readonly QueryColumn[], parameters: Parameters): string[];
  /** When the first of the rows was written for which a condition holds, in milliseconds since 1970. */
  since(filter: string): string;
}

/** Rows: what stands behind FROM, and behind WHERE. */
export interface Rows {
  readonly from: string;
  readonly where: string;
}

/** How the rows of a page are found before their cells are made of them. */
export interface Paging {
  readonly order: RowPage['order'];
  /** What stands behind ORDER BY. */
  readonly by: string;
  /** What is selected of a row to be found as one of `page`. */
  readonly picked: string;
  /** Where the cells of these are: what stands behind FROM. */
  readonly cells: string;
}

/** The tables of one dataset as they are now. */
export interface Tables {
  readonly dialect: Dialect;
  /** Tributary's own last. */
  readonly columns: readonly QueryColumn[];
  /** What is read is of this revision, or of a later one. */
  readonly revision: string;
  /** About how many rows there are. */
  readonly size: number;
  /** Holds for a row that is no tombstone. */
  readonly isRecord: string;
  /** The row's key, as text. */
  readonly key: string;
  rows(view: View): Rows;
  /** The rows of which is told what columns have facets. */
  readonly facetRows: string;
  /** How many rows a view has, where that is known and takes long to count. */
  counted?(view: View): number | undefined;
  /** @param isWhole whether all rows of the view are asked for */
  page(query: RowQuery, isWhole: boolean, ask: Ask): Promise<Paging>;
  /** What puts the newest version of a key first, and what is needed of each for {@link places}. */
  readonly newestFirst: string;
  readonly placed: string;
  places(found: readonly Line[], key: string, ask: Ask): Promise<VersionPlace[]>;
  /** The order of a download: what stands behind ORDER BY, if anything. */
  readonly downloaded?: string;
}

export interface Statement {
  readonly text: string;
  readonly values: readonly string[];
}

/** Where the rows of one dataset are. There is one for each kind of sink. */
export interface Store {
  readonly name: string;
  /** What is known without looking at the sink. */
  readonly summary: DatasetSummary;
  latestSummary(): Promise<DatasetSummary>;
  describe(): Promise<DatasetDescription>;
  /** See {@link DatasetReader.part}. */
  part?(name: string): ReturnType<DatasetReader['part']>;
  /**
   * @param isNoted whether the revision is of use
   * @throws the signal's reason if it aborts; RetryableError if the database is away or takes too long
   */
  moment<T>(work: (tables: Tables, ask: Ask) => Promise<T>, signal: AbortSignal, isNoted?: boolean): Promise<T>;
  /**
   * The rows of a statement as of the moment of the call, some hundred at a time. What they hold on to is given back when they end, when the
   * caller stops reading, and when the signal aborts.
   */
  stream(statement: (tables: Tables) => Statement, signal: AbortSignal): Promise<Stream>;
}

export type Cells = readonly (string | null)[];

export interface Stream {
  readonly tables: Tables;
  readonly batches: AsyncIterable<readonly Cells[]> | Iterable<readonly Cells[]>;
}
