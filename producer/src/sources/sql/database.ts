import type { Description } from '../port.js';
import type { Room } from './pool.js';

/**
 * A value as the driver takes and gives it: exact, and mostly the database's own text. Numbers are from databases whose columns hold values of
 * any type.
 */
export type Value = string | Buffer | bigint | number | null;

/**
 * How the database sorts a column: as numbers; as moments, whatever the zone; as times of a clock on the wall, without a zone; as
 * text; as text that may be times in ISO 8601, with a T or with a blank, where there is no type for times; in a way that says nothing of a
 * version; in one way where it sorts and in another where it compares, so that rows would be left out if they were read in its order; or not
 * known before there is a value.
 */
export type Sorting =
  | 'number'
  | 'instant'
  | 'wall'
  | 'text'
  | 'isoWithT'
  | 'isoWithBlank'
  | 'other'
  | 'inconsistent'
  | 'unknown';

export interface ResultColumn {
  readonly name: string;
  /** As the database calls it, such as `timestamp with time zone`. */
  readonly type: string;
  readonly sorting: Sorting;
  /** Whether the driver rounds its values, so that they have to be read as text; false unless given. */
  readonly isRounded?: boolean;
  /**
   * A value as it stands in a raw record: what JSON can hold, exactly. Numbers that a double cannot hold are text, bytes are base64,
   * and what has no other form (infinity, 0000-00-00) stays as the database writes it.
   */
  read(value: Exclude<Value, null>): unknown;
}

/** A value within a statement, with the kind of column that it is compared with. */
export interface Placed {
  readonly value: Value;
  readonly sorting: Sorting;
}

export interface Statement {
  readonly text: string;
  readonly values: readonly Placed[];
}

export interface Rows {
  readonly columns: readonly ResultColumn[];
  readonly rows: readonly (readonly Value[])[];
}

/** The transactions that are open, and may write. Times are in milliseconds since the epoch, by the clock of the database. */
export interface OpenNow {
  /** When the oldest one began; undefined if there is none. */
  readonly began: number | undefined;
  /** How many there are whose beginning this user may not see. */
  readonly hidden: number;
  /** When the oldest of those was prepared whose beginning is not known any more. */
  readonly prepared: number | undefined;
}

/** How SQL is written for a database. */
export interface Dialect {
  /** The name of a table or a column. */
  quote(name: string): string;
  /** @param index from 1 @param sorting of the column that the value is compared with */
  placeholder(index: number, sorting: Sorting): string;
  /** The expression, so that it is compared and sorted by the bytes of its text, as versions that are text are. */
  bytewise(expression: string): string;
  /**
   * Whether it finds where `(version, key) > (1, 'b')` begins in an index. Of the same written with AND and OR, some use the first column alone,
   * and read all rows of one version again for each chunk.
   */
  readonly comparesLists: boolean;
  /** The SELECT, of which only the first rows come. @param select it may end with ORDER BY */
  limited(select: string, rows: number): string;
  /** Of a column whose values the driver would round: the expression that gives all of its digits, as text. Absent where none is. */
  readonly exact?: (column: string) => string;
  /** The SELECT of its clock, in milliseconds since the epoch. */
  readonly clock: string;
  /** Absent where nothing tells which transactions are open. */
  readonly openTransactions?: {
    /** The statement. */
    readonly text: string;
    /** @param now the clock of the database before it was asked, in milliseconds since the epoch */
    read(row: readonly Value[], now: number): OpenNow;
  };
  /** How the server says that it is a copy of another one, whose open transactions it does not show: each is asked until one says so. */
  readonly replica?: readonly {
    /** The statement. Its first value is 0 if the server is none; one that gives no rows, or that the user may not run, says nothing. */
    readonly text: string;
    /** What the server is then, in words: `a standby (pg_is_in_recovery)`. */
    readonly words: string;
  }[];
}

/** What a database holds, with the columns by which what is new could be found. */
export interface TableDescription extends Description {
  readonly versions: readonly string[];
}

/**
 * A database, as a source reads it. It never writes: its sessions are read-only. Errors are told apart by their consequence; their
 * text may hold what the database says, and so be of any content, but not the password.
 */
export interface Database {
  readonly dialect: Dialect;
  /** As limits name it: the host of the URL, with its port if it has one there. */
  readonly host: string;
  /** For people, without user and password. */
  readonly name: string;
  /**
   * @throws RetryableError if the connection failed, or the statement took too long; FatalError if the database refuses it
   * @throws the signal's reason once it has aborted; the statement is cancelled
   */
  query(statement: Statement, signal: AbortSignal): Promise<Rows>;
  /** The table of a name, with its schema in front where it needs one; undefined if there is none that may be read. @throws as `query` */
  table(name: string, signal: AbortSignal): Promise<TableDescription | undefined>;
  /** All tables and views that this user may read. @throws as `query` */
  tables(signal: AbortSignal): Promise<readonly TableDescription[]>;
  close(): Promise<void>;
}

/** What a database is opened with. */
export interface DatabaseOptions {
  readonly url: string;
  /** How long a statement may take, in milliseconds. */
  readonly timeout: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** How many connections its host gives; as many as are used unless given. */
  readonly room?: Room | undefined;
  /** How much longer than `timeout` it waits for the answer to a statement, in milliseconds; {@link GRACE} unless given. */
  readonly grace?: number;
  /** Bytes of an answer, beyond which the connection is cut; 256 MB unless given. */
  readonly mostBytes?: number;
}

/**
 * A transaction that has written nothing yet may do so, with the time of its beginning; but a report of hours must not have all that was written
 * since read again with each poll. In seconds.
 */
export const MAY_WRITE_YET = 600;

/**
 * The server keeps the time-out of a statement, but not if its machine, or the network, is gone. No answer comes then, and without a limit of
 * its own the poll would wait for hours.
 */
export const GRACE = 30_000;

/** The parts of a table's name as a person writes it: `sales.orders`. */
export const partsOf = (name: string): readonly string[] => name.split('.');

/** Names of columns that grow with each change, as people choose them. */
const LIKELY_VERSION =
  /(^|_)(updated|modified|changed|last_?mod|row_?version|version|revision|seq|mtime|ts$)|(updated|modified|changed)_?(at|on|date|time)/i;

/** @returns the columns by which what is new could be found, the likeliest first */
export const likelyVersions = (columns: readonly (Pick<ResultColumn, 'name' | 'sorting'> & { nullable: boolean })[]) =>
  columns
    .filter(
      ({ name, sorting }) =>
        ['instant', 'wall', 'isoWithBlank', 'number'].includes(sorting) && LIKELY_VERSION.test(name),
    )
    .sort((a, b) => Number(a.nullable) - Number(b.nullable))
    .map(({ name }) => name);
