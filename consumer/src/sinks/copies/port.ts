import type { BackupFiles, BackupFolder, Dataset } from '@tributary/shared';

/** What was copied, in words for a person, and what lies beside it and was not. */
export interface CopiedOutput {
  readonly amount: string;
  readonly left: readonly string[];
}

/**
 * Copies what a sink holds into a backup, and puts it back. What is copied is an output that a consumer can begin with: it may lack rows
 * that were on their way, and holds each row that was durable when the copying began.
 */
export interface OutputCopies {
  /** Where it lies, in words. */
  readonly place: string;
  /** What names the stored data, as of the sink's port; undefined if nothing is there. Nothing is changed. */
  identity(): Promise<string | undefined>;
  /** Consumers may write meanwhile. */
  save(into: BackupFolder, signal: AbortSignal): Promise<CopiedOutput>;
  /** What stands in the way of an output that is put back, in words; undefined if nothing does. */
  holds(): Promise<string | undefined>;
  /** @throws FatalError for a backup that cannot be put back by its files' names; nothing is changed */
  check(from: BackupFiles): void;
  /** Which backup is being put back here, by its name, until {@link ended}. */
  restoring(): Promise<string | undefined>;
  /** Puts what is there out of the way, and removes nothing. @returns where it is now, in words */
  setAside(name: string): Promise<string>;
  /**
   * Puts the output back that a backup holds. If it dies before its end, it is called once more, and does the rest.
   * @param name the backup, for {@link restoring}
   */
  restore(from: BackupFiles, name: string, signal: AbortSignal): Promise<void>;
  /** All else is there as well. */
  ended(): Promise<void>;
}

/** Where the output's files lie in a backup. */
export const OUTPUT = 'output/';

export interface CopiesParts {
  /** The pipeline's name. */
  readonly pipeline: string;
  readonly datasets: readonly Dataset[];
  readonly postgresUrl: string | undefined;
}
