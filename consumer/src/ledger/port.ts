import type { Row } from '@tributary/shared';
import type { Mark } from '../sinks/port.js';

/** What shall become of a row that asks to be written. */
export interface Verdict {
  readonly kind: 'accept' | 'duplicate' | 'stale' | 'busy' | 'reformed' | 'held';
  /**
   * Set when an accepted row was in flight on writers that died, the latest first. The row may have landed in the output of
   * any of them, so their output is fenced and searched before the row is written again.
   */
  readonly takenFrom?: readonly string[];
  /**
   * Set when the very message landed before the configuration was changed, in the form of then: the time of the change, in
   * milliseconds. A record of an entity is done, because its endpoint is polled again. A merged row has to be made once more.
   */
  readonly reformedAt?: number;
  /** With `takenFrom`: the orders under which the row was in flight there. */
  readonly takenOrders?: readonly string[];
  /**
   * Set when this writer itself has the merged row in flight, and no other message is sure to bring it again (claim.lua): the order
   * under which it is held. The record that asks is done only when that row is durable.
   */
  readonly heldOrder?: string;
}

/** One side of a merge as the ledger last saw it: the record's order, and its payload as JSON. */
export interface Side {
  readonly order: string;
  readonly payload: string;
}

/** A record of the side that has the lines, and the ids of its lines (see MergeLine). */
export interface EachRecord extends Side {
  readonly key: string;
  readonly lines: readonly string[];
}

/**
 * What a record with lines meets: for each line the other sides, in their order, if they are there, and the lines that it has dropped. A side is `awaited`
 * if a rebuild knows from the line's merged row that a newer record of it was accepted, and that its message still has to come again.
 */
export interface EachJoin {
  readonly found: readonly Found[];
  readonly closed: readonly { readonly line: string; readonly sides: readonly (Side | undefined)[] }[];
}

/** A side that a line points at. */
export type Found = Side | 'awaited' | undefined;

/** Which of the sides that the lines of a merge point at, and how many of them there are. */
export interface StarPlace {
  readonly place: number;
  readonly places: number;
}

/** A record that lines point at. */
export interface WithRecord extends Side {
  readonly key: string;
  /** The key of a record that points at it, after which the page begins; '' for the first page. */
  readonly after: string;
}

/** A page of the records whose lines point at a record of the other side. */
export interface WithJoin {
  readonly pointing: readonly PointingRecord[];
  /** Where the next page begins; undefined after the last. */
  readonly after: string | undefined;
}

/** A record with lines that point at another. */
export interface PointingRecord {
  readonly key: string;
  readonly side: Side;
  /** In a star: the sides that each such line points at, by the line's id; the record itself is not among them. */
  readonly others?: ReadonlyMap<string, readonly Found[]>;
}

/** A record whose merged rows have to be made once more. */
export interface Unmerged {
  readonly key: string;
  /** Undefined if a record without lines has replaced it. */
  readonly side: Side | undefined;
  /** The time of the rebuild, which marks the rows that are made. */
  readonly at: number;
}

export interface KnownKeys {
  /** In the order of the keys that were asked for. */
  readonly known: readonly boolean[];
  /** The time by the ledger's own clock, in milliseconds since 1970. */
  readonly at: number;
}

/**
 * The memory of what was accepted and what is in flight, shared by all consumers. An instance belongs to one writer.
 * A merge is named by its dataset.
 *
 * Each call may be repeated: a call whose answer was lost gives the same answer again. Every call throws WriterLost once
 * another consumer has fenced this writer, or the whole memory was lost. The writer must then never write again, and all
 * messages that it had not acknowledged are delivered again.
 */
export interface Ledger {
  /**
   * Asks for rows of one dataset, in order. An accepted row is in flight until it is committed. `busy` means that another
   * writer, which lives, has this row or one of the same content in flight: ask again when that has ended.
   */
  claim(dataset: string, rows: readonly Row[]): Promise<Verdict[]>;
  /** Whether something of each key was accepted, or is in flight. */
  knows(dataset: string, keys: readonly string[]): Promise<KnownKeys>;
  /**
   * To be called when rows are durable: they become the last accepted content of their keys.
   * @param marks how far the output got with them. The highest of each name is kept, to tell an output that went back
   */
  commit(dataset: string, rows: readonly Row[], marks?: readonly Mark[]): Promise<void>;
  /**
   * To be called when rows that this writer has claimed will not be written, because the sink refuses them. They count as never
   * asked for: when their records come again, they are judged anew.
   */
  release(dataset: string, rows: readonly Row[]): Promise<void>;
  /**
   * To be called before `release` for the own rows of records that have been merged already: the content that their keys had before
   * counts as unknown then, so that any record that is not older is a change, and is merged.
   */
  doubt(dataset: string, rows: readonly Row[]): Promise<void>;
  /**
   * Stores records and reads what they meet. `superseded`: a newer record of that key is already stored.
   * @param places how many sides each line points at: one unless given
   */
  joinEach(merge: string, records: readonly EachRecord[], places?: number): Promise<(EachJoin | 'superseded')[]>;
  /**
   * Does the same for records that lines point at, and reads one page of at most `count` for each.
   * @param star given in a merge whose lines point at several sides: at the only one otherwise
   */
  joinWith(
    merge: string,
    records: readonly WithRecord[],
    count: number,
    star?: StarPlace,
  ): Promise<(WithJoin | 'superseded')[]>;
  /** To be called when the tombstones of the lines that these records dropped are durable. */
  closeLines(merge: string, records: readonly EachRecord[]): Promise<void>;
  /** Records with lines whose merged rows were not what the two sides make when the ledger was rebuilt; at most `count`. */
  unmerged(merge: string, count: number): Promise<readonly Unmerged[]>;
  /** To be called when the merged rows of these records are durable. */
  remerged(merge: string, keys: readonly string[]): Promise<void>;
  /** Takes or renews the writer's lease; from its start it lasts `milliseconds`. */
  renewLease(milliseconds: number): Promise<void>;
  /** Gives the lease back: other writers may take over at once what is still claimed. */
  releaseLease(): Promise<void>;
}

/** The ledger as one writer has entered it. */
export interface EnteredLedger {
  /** The epoch that the writer belongs to; the sink is opened under it. */
  readonly epoch: string;
  readonly ledger: Ledger;
  /** Looks whether the output is still the one that the epoch began with. @returns what is wrong, in words */
  check(): Promise<string | undefined>;
}

/** Where the ledger is kept. */
export interface LedgerStore {
  /**
   * Enters the ledger as a new writer. Waits for as long as the store is away, and rebuilds a ledger that was lost.
   * @throws WriterLost if the signal aborts while it waits
   */
  enter(writer: string, signal: AbortSignal): Promise<EnteredLedger>;
}
