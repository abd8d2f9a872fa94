import { redisPrefix } from '@tributary/shared';

/** The Redis keys of a pipeline's ledger. All but the epoch's own hold the epoch, so that no writer of an old one can reach the new. */
export function ledgerKeys(pipeline: string, epoch: string) {
  const root = redisPrefix(pipeline);
  const prefix = `${root}${epoch.split('.').at(-1)}:`;
  return {
    epoch: `${root}epoch`,
    leases: `${prefix}leases`,
    fenced: `${prefix}fenced`,
    ledger: (dataset: string) => `${prefix}ledger:${dataset}`,
    claims: (dataset: string) => `${prefix}claims:${dataset}`,
    /** The merge's sides, the pointers from one to the other, and the lines that may have a merged row. */
    each: `${prefix}merge:each`,
    with: `${prefix}merge:with`,
    refs: `${prefix}merge:refs`,
    open: `${prefix}merge:open`,
    /** Records whose merged rows a rebuild found to be others than its sides make. */
    unmerged: `${prefix}merge:unmerged`,
  };
}

export type LedgerKeys = ReturnType<typeof ledgerKeys>;

export const rebuildLockKey = (pipeline: string): string => `${redisPrefix(pipeline)}rebuild-lock`;

/** In the ledger a tombstone's hash bears a dash, so that closing what was never open can be told from a change. */
export const ledgerHash = (hash: string, deleted: boolean): string => (deleted ? `-${hash}` : hash);
export const isTombstone = (hash: string): boolean => hash.startsWith('-');
