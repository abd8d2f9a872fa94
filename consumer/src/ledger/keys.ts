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
    /** What is accepted of each key, and its rows in flight (lua/prelude.lua). */
    ledger: (dataset: string) => `${prefix}ledger:${dataset}`,
    /** The writer that keeps the aggregates up to date, and all that may still write them (aggregate/holder.ts). */
    aggregates: `${prefix}aggregates`,
    aggregators: `${prefix}aggregators`,
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
  /** What lines wait for whose merged row tells of a record that had not landed when the ledger was rebuilt. */
  readonly awaited: string;
}

const mergeKeys = (prefix: string): MergeKeys => ({
  each: `${prefix}each`,
  with: `${prefix}with`,
  refs: `${prefix}refs`,
  open: `${prefix}open`,
  unmerged: `${prefix}unmerged`,
  awaited: `${prefix}awaited`,
});

/**
 * How a record that lines point at is named in `with` and `refs`: by its key, and in a star also by its place among the sides that lines
 * point at, from the second on. No key holds the control character between them.
 */
export const sideName = (key: string, place: number): string => (place === 0 ? key : `${key}\x02${place}`);

/** What is awaited of one of the sides that a line points at. */
export const awaitedName = (eachKey: string, lineId: string, place: number): string =>
  `${eachKey}\0${lineId}\0${place}`;

/** What rebuilds were begun for that are not done (recovery/begun.ts). */
export const rebuildsKey = (pipeline: string): string => `${redisPrefix(pipeline)}rebuilds`;

export const rebuildLockKey = (pipeline: string): string => `${redisPrefix(pipeline)}rebuild-lock`;
