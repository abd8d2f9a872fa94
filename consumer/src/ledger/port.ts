import type { Row } from '@tributary/shared';

/** What shall become of a row that asks to be written. */
export interface Verdict {
  readonly kind: 'accept' | 'duplicate' | 'stale' | 'busy';
  /**
   * Set when an accepted row was in flight on writers that died, the latest first: it may have landed in the output of
   * any of them, so their output is fenced and looked at before it is written again.
   */
  readonly takenFrom?: readonly string[];
  /** With `takenFrom`: the orders under which it was in flight there. */
  readonly takenOrders?: readonly string[];
}

/** One side of the merge as last seen: the record's order and its payload as JSON. */
export interface Side {
  readonly order: string;
  readonly payload: string;
}

/** A record of the side with the lines, and the ids of its lines (see MergeLine). */
export interface EachRecord extends Side {
  readonly key: string;
  readonly lines: readonly string[];
}

/** What a record with lines meets: for each line the other side, if it is there; and the lines it has no more. */
export interface EachJoin {
  readonly found: readonly (Side | undefined)[];
  readonly closed: readonly { readonly line: string; readonly side: Side | undefined }[];
}

/** A record that lines point at, and where the page of those begins: '' for the first. */
export interface WithRecord extends Side {
  readonly key: string;
  readonly after: string;
}

/** A record whose merged rows are to be made once more, and the time that marks them: that of the rebuild. */
export interface Unmerged {
  readonly key: string;
  /** Undefined if a record without lines has replaced it. */
  readonly side: Side | undefined;
  readonly at: number;
}

/** The records whose lines point at one of the other side; a page of them. */
export interface WithJoin {
  readonly pointing: readonly { readonly key: string; readonly side: Side }[];
  /** Where the next page begins; undefined after the last. */
  readonly after: string | undefined;
}

/**
 * The memory of what was accepted and what is in flight, shared by every consumer. It belongs to one writer.
 *
 * Each call may be repeated: a call whose answer was lost gives the same answer again. Every call throws
 * WriterLost once the writer was fenced by another or the whole memory was lost; the writer must then never
 * write again, and everything it had not acknowledged comes again.
 */
export interface Ledger {
  /**
   * Asks for rows of one dataset, in order. An accepted row is in flight until it is committed. `busy`: this row, or one
   * of the same content, is in flight with another writer that lives; ask again until that has come to its end.
   */
  claim(dataset: string, rows: readonly Row[]): Promise<Verdict[]>;
  /** Rows are durable: they become the last accepted content of their keys. */
  commit(dataset: string, rows: readonly Row[]): Promise<void>;
  /** Puts records in, and takes out what they meet. `superseded`: a newer record of that key is already in. */
  joinEach(records: readonly EachRecord[]): Promise<(EachJoin | 'superseded')[]>;
  /** As {@link joinEach} for records that lines point at: for each one page of at most `count`. */
  joinWith(records: readonly WithRecord[], count: number): Promise<(WithJoin | 'superseded')[]>;
  /** The tombstones of the lines that these records dropped are durable. */
  closeLines(records: readonly EachRecord[]): Promise<void>;
  /** Records with lines whose merged rows are not what the sides make, as the rebuild found them; at most `count`. */
  unmerged(count: number): Promise<readonly Unmerged[]>;
  /** The merged rows of these records are durable. */
  remerged(keys: readonly string[]): Promise<void>;
  /** Takes or renews the writer's lease; from its start it lasts `milliseconds`. */
  renewLease(milliseconds: number): Promise<void>;
  /** Gives the lease back: whatever is still claimed may be taken over at once. */
  releaseLease(): Promise<void>;
}
