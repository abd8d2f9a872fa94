import type { Clock, Dataset, Logger, Row, SinkConfig, SinkKind } from '@tributary/shared';
import type { Erasures } from '../erase/erasure.js';
import type { WriterLost } from '../writer-lost.js';

/** A row as a sink gives it back: enough to rebuild the ledger and the merge from. */
export interface LandedRow {
  readonly key: string;
  readonly hash: string;
  readonly version: string;
  readonly messageId: string;
  readonly deleted: boolean;
  /** When it was written, in ISO 8601 of UTC with milliseconds, where the sink that gives it knows that. */
  readonly writtenAt?: string;
  /** The dataset's own columns. They may be decoded only when they are read. */
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * How far an output got: a number that only grows, stored in one step with the rows that it counts. So an output that has a
 * smaller one, or none, is not the one that held those rows: it went back to an older state.
 */
export interface Mark {
  readonly name: string;
  readonly at: number;
}

/** Marks, and what else a sink wants to be reminded of, by name. They are kept in Redis beside the ledger. */
export type Marks = Readonly<Record<string, string>>;

/** What an output holds, compared with what it held. */
export interface Inspection {
  /** What is gone, in words for a person; undefined if nothing is. */
  readonly lost: string | undefined;
  /** What to remember beside the marks that are kept already. */
  readonly marks: Marks;
}

/** What an output holds under the name of a dataset, whatever the configuration says now. */
export interface StoredDataset {
  readonly name: string;
  /** In words, such as `182 rows`. */
  readonly amount: string;
  readonly isEmpty: boolean;
  /** The columns of its fields, each with the type of the field; undefined where the sink stores no types. */
  readonly columns: ReadonlyMap<string, string | undefined>;
  /** A few rows: the key under which each lies, and its values as the sink has them. */
  readonly sample: readonly { readonly key: string; readonly values: Readonly<Record<string, unknown>> }[];
}

/** What an output holds, and in words what becomes of what the configuration names no more. */
export interface StoredOutput {
  readonly datasets: readonly StoredDataset[];
  /** Whether a consumer has ever begun to write there, rows or none; where a sink does not say, it is taken for granted. */
  readonly isBegun?: boolean;
  readonly droppedColumn: string;
  readonly changedType: string;
  /** What else becomes of it by the settings of today, in sentences. */
  readonly more?: readonly string[];
}

/** A row that was looked for. */
export interface FoundRow {
  /** The part or table that holds it. */
  readonly place: string;
  readonly row: LandedRow;
}

/** Where rows land. It is the truth: everything that the ledger in Redis holds can be rebuilt from it. */
export interface Sink {
  /** A name that stays with the stored data. It tells a ledger of other data (an emptied folder, another database) apart. */
  identity(): Promise<string>;
  /** Gives the stored data another name, because they went back to an older state: nothing that was known of them holds any more. */
  renew(): Promise<void>;
  /**
   * Tells whether the stored data still hold all that they held when these marks were kept. It costs little: a consumer asks
   * every few seconds. What a person deleted on purpose (some rows) is not told.
   */
  inspect(kept: Marks): Promise<Inspection>;
  /** Reads what is stored, and changes nothing. It may take seconds. */
  stored(): Promise<StoredOutput>;
  /** The epoch that writers must belong to; undefined before the first. */
  epoch(): Promise<string | undefined>;
  /**
   * Begins an epoch: from here on no writer of an older epoch can change the output, whether it lives or only seems dead.
   * If a write of such a writer succeeded, it was durable before, and {@link scan} sees it.
   * @param isBetween whether the ledger of the epoch before is still to be compared with what is stored: its marks are kept
   */
  beginEpoch(epoch: string, isBetween?: boolean): Promise<void>;
  /**
   * Puts in order what is stored, as the settings of today ask for it, and removes the rows of keys that are to be erased. Called in each epoch that begins, before it is read and before a
   * writer opens its output; if that is interrupted, another epoch begins. It may take minutes.
   * @throws WriterLost if the epoch is over: another consumer has begun a newer one meanwhile
   */
  prepare?(epoch: string): Promise<void>;
  /**
   * Removes rows that a newer row of their key has replaced, where that one was written before this time (milliseconds since 1970). The newest
   * row of each key stays, whatever its age. Called behind {@link prepare}, under the same rules; what is interrupted is done the next time.
   * @returns how many rows were removed, by the part or table that held them
   * @throws WriterLost if the epoch is over
   */
  forgetHistory?(epoch: string, before: number): Promise<Readonly<Record<string, number>>>;
  /**
   * Whether {@link forgetHistory} would remove anything. Asked at any time, while writers write; without it an epoch is begun each day, whether there is anything to remove or not.
   */
  hasOldStates?(before: number): Promise<boolean>;
  /**
   * Removes all rows of some keys of a dataset. Called behind {@link prepare}, under the same rules. Wherever it is interrupted, of each key the newest row is
   * there, or none is. Rows that are newer than that stay.
   * @param newest the newest order of each key
   * @returns how many rows were removed, by the part or table that held them
   * @throws WriterLost if the epoch is over
   */
  removeKeys?(
    epoch: string,
    dataset: Dataset,
    newest: ReadonlyMap<string, string>,
  ): Promise<Readonly<Record<string, number>>>;
  /**
   * Opens this writer's own output. A writer's name is used once and never again.
   * @param onLost called if the sink finds, also while nothing is written, that this writer may write no more, or that the
   * output has lost rows: another session has to begin, which learns from {@link identity} what there is now
   */
  open(writer: string, epoch: string, onLost?: (lost: WriterLost) => void): Promise<SinkWriter>;
  /**
   * Fences one dead writer, so that nothing that it may still do changes the output (it may only be slow, and wake up). Then
   * it tells which rows of the writer's last writes had landed. Safe to repeat, and safe for several consumers at once.
   */
  takeOver(writer: string): Promise<LandedRows>;
  /** Every row that has landed. Several rows may have one key; the newest by the dataset's order is its state. */
  scan(dataset: Dataset): AsyncIterable<LandedRow>;
  /** The newest row of each key that is not closed, as of one moment. For sinks that need not read older rows for it. */
  newest?(dataset: Dataset): AsyncIterable<LandedRow>;
  /** A text that is another one whenever rows of the dataset may have changed since, by whichever writer. It costs little. */
  changeOf?(dataset: Dataset): Promise<string>;
  /**
   * The keys that were erased. One is noted before an epoch begins; the rows go in that epoch ({@link prepare}), and who writes in it has
   * read the list after {@link open}: so no writer takes a record of the key once the rows are gone.
   */
  readonly erasures?: Erasures;
  /** As {@link scan}, of rows that are meant, older ones of their keys too, as far as they are kept. Nothing is kept from changing meanwhile. */
  find?(dataset: Dataset, isMeant: (row: LandedRow) => boolean): AsyncIterable<FoundRow>;
  /**
   * What {@link find} and {@link prepare} cannot judge: lines that are no rows, since another program has changed them.
   * @returns how many there are, by the part that holds them
   */
  unread?(dataset: Dataset): Promise<Readonly<Record<string, number>>>;
  /**
   * Resolves if a write would succeed now.
   * @throws Error saying why not (disk full, folder not writable, database away)
   */
  probe(): Promise<void>;
  close(): Promise<void>;
}

/** The output of one writer. */
export interface SinkWriter {
  /**
   * Resolves when every row is durable (fsync, COMMIT). After an error other than WriterLost the same rows may be given
   * again: either none of them is seen, or (if the answer to a COMMIT was lost) writing them again changes nothing.
   * Calls may overlap.
   * @returns how far this output got with these rows; undefined if there were none
   * @throws RowsRefused if the sink refuses some of the rows for what they hold. All others are durable
   * @throws WriterLost if this writer was fenced, or its epoch is over. Then this writer cannot tell whether the rows landed
   */
  write(dataset: string, rows: readonly Row[]): Promise<Mark | undefined>;
  /** Ends the output. May be called twice. If it is never called, no row is lost. */
  close(): Promise<void>;
}

/** The rows of a dead writer that had landed, whether or not they were committed. */
export interface LandedRows {
  /** Whether a row of this dataset, key, hash and order is among them. */
  has(row: Row): boolean;
  /** How far the output got with it, if the sink keeps marks. */
  markOf(row: Row): Mark | undefined;
}

/** What a program's own sink is made with. */
export interface SinkContext {
  /** The pipeline's name. */
  readonly pipeline: string;
  readonly datasets: readonly Dataset[];
  /** Stamps `_written_at`. */
  readonly clock: Clock;
  /** Where the sink tells what it found in the output and what it did about it. */
  readonly log: Logger;
}

export type MakeProgramSink = (context: SinkContext) => Sink;

/** What a sink may need that is not in pipeline.yaml: addresses and secrets come from the environment, a sink of its own from a program. */
export interface SinkSecrets {
  readonly postgresUrl: string | undefined;
  readonly program?: MakeProgramSink | undefined;
}

/** What a sink is made of. */
export interface SinkParts<Settings> extends SinkSecrets, SinkContext {
  /** The settings of its kind, from pipeline.yaml. */
  readonly settings: Settings;
}

/** One kind of sink: how it is checked and made. */
export interface SinkMaker<Settings> {
  /** @throws FatalError if something that the sink needs is missing, saying what to do */
  check(secrets: SinkSecrets): void;
  /** @throws FatalError if a setting or a name cannot be used */
  create(parts: SinkParts<Settings>): Sink;
}

/** A maker for each kind: the compiler tells which one is missing. */
export type SinkKinds = { readonly [K in SinkKind]: SinkMaker<SinkConfig[K]> };
