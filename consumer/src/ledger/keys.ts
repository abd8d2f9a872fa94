import { ledgerEpochKey, redisPrefix } from '@tributary/shared';

/**
 * The Redis keys of a pipeline's ledger. All of them but `epoch` hold the epoch's name, so that no writer of an old epoch
 * can reach anything of the new one.
 */
export function ledgerKeys(pipeline: string, epoch: string) {
  const root = redisPrefix(pipeline);
  const prefix = `${root}${epoch.split('.').at(-1)}:`;
  return {
    epoch: ledgerEpochKey(pipeline),
    leases: `${prefix}leases`,
    fenced: `${prefix}fenced`,
    /** How far the output got, by the name of each mark (sinks/port.ts). */
    marks: `${prefix}marks`,
    /** The form of each dataset (recovery/forms.ts). */
    forms: `${prefix}forms`,
    ledger: (dataset: string) => `${prefix}ledger:${dataset}`,
    claims: (dataset: string) => `${prefix}claims:${dataset}`,
    merge: (dataset: string): MergeKeys => mergeKeys(`${prefix}merge:${dataset}:`),
    /** A pattern of SCAN that finds every key of the epoch. */
    pattern: `${prefix.replaceAll(/[[\]*?\\]/g, '\\$&')}*`,
  };
}

export type LedgerKeys = ReturnType<typeof ledgerKeys>;

/** The Redis keys of one merge. */
export interface MergeKeys {
  /** The two sides. */
  readonly each: string;
  readonly with: string;
  /** The pointers from the one side to the other. */
  readonly refs: string;
  /** The lines that may have a merged row. */
  readonly open: string;
  /** Records whose merged rows were not what their sides make when the ledger was rebuilt. */
  readonly unmerged: string;
}

const mergeKeys = (prefix: string): MergeKeys => ({
  each: `${prefix}each`,
  with: `${prefix}with`,
  refs: `${prefix}refs`,
  open: `${prefix}open`,
  unmerged: `${prefix}unmerged`,
});

/** What rebuilds were begun for that are not done (recovery/begun.ts). */
export const rebuildsKey = (pipeline: string): string => `${redisPrefix(pipeline)}rebuilds`;

export const rebuildLockKey = (pipeline: string): string => `${redisPrefix(pipeline)}rebuild-lock`;

/**
 * A row's hash as the ledger keeps it. A tombstone's begins with a dash, so that a tombstone for a key that has no row is
 * told from a change.
 */
export const ledgerHash = (hash: string, deleted: boolean): string => (deleted ? `-${hash}` : hash);
export const isTombstone = (hash: string): boolean => hash.startsWith('-');

/**
 * Stands before the hash of a row that was made in another form than rows are now, because the configuration has changed: `~`, the
 * time of the rebuild in milliseconds and `~`. The message that made it is not new for being read in the new form.
 */
export const writeFormed = (at: number): string => `~${at}~`;
