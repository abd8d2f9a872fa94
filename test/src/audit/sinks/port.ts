import type { Dataset, Payload } from '@tributary/shared';

/** A row as it is stored, read without the consumer's own code. */
export interface StoredRow {
  readonly key: string;
  readonly hash: string;
  readonly version: string;
  readonly messageId: string;
  readonly deleted: boolean;
  /** What its cells say, by column; undefined if it has columns that the configuration does not know (any more). */
  readonly values: Payload | undefined;
  /** Why its cells cannot be what a sink writes. */
  readonly fault: string | undefined;
  /** The part or table it stands in, and the line there (0 if there are none), for whoever wants to look at it. */
  readonly source: string;
  readonly line: number;
}

/** Something that should not be there at all: half a line, a second header; a key in two rows where only one may be. */
export interface Flaw {
  readonly flaw: 'torn' | 'duplicated';
  readonly what: string;
}

/** A sink to be audited. What it gives out comes in no particular order. */
export interface StoredRows {
  /** The rows that make up the state: every one (CSV), or the newest of each key (Postgres). */
  rows(dataset: Dataset): AsyncIterable<StoredRow | Flaw>;
  /** Every row that was ever written, if they are kept beside the state. */
  past?(dataset: Dataset): AsyncIterable<StoredRow>;
  close(): Promise<void>;
}
