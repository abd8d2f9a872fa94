import { compileContentHash, type Dataset } from '@tributary/shared';
import { ledgerHash, UNKNOWN_CONTENT } from '../ledger/content.js';
import type { MergeRows, MergeSide } from '../merge/rows.js';
import { newestOf } from '../sinks/newest.js';
import type { LandedRow, Sink } from '../sinks/port.js';

/** The newest landed row of a key, as much of it as the ledger keeps. */
export interface NewestRow {
  readonly order: string;
  readonly hash: string;
}

/** The newest landed record of a key, with its content, or that it is deleted: that of an entity that is a side of a merge. */
export interface NewestSide extends NewestRow, MergeSide {}

/** What has landed of one merge: the newest rows of its sides and of the merge itself, by key. */
export interface LandedMerge {
  readonly rows: MergeRows;
  readonly each: ReadonlyMap<string, NewestSide>;
  /** Of each of the sides that lines point at, in their order. */
  readonly others: readonly ReadonlyMap<string, NewestSide>[];
  readonly merged: ReadonlyMap<string, NewestRow>;
}

/** The records that have landed of those that a line points at. */
export const landedOthers = (
  { others }: LandedMerge,
  targets: readonly string[],
): readonly (NewestSide | undefined)[] => others.map((side, place) => side.get(targets[place] ?? ''));

/** @param isDoubted whether each row has to prove by its hash that it holds what was written: a person may have changed it */
export const newestRows = (sink: Sink, dataset: Dataset, isDoubted: boolean): Promise<Map<string, NewestRow>> =>
  readNewest(sink, dataset, isDoubted, (_row, seen) => seen);

/** As {@link newestRows}. */
export const newestSides = (sink: Sink, dataset: Dataset, isDoubted: boolean): Promise<Map<string, NewestSide>> =>
  readNewest(sink, dataset, isDoubted, ({ key, version, messageId, deleted, values }, seen) => ({
    ...seen,
    key,
    version,
    messageId,
    payload: deleted ? null : values,
  }));

function readNewest<T extends NewestRow>(
  sink: Sink,
  dataset: Dataset,
  isDoubted: boolean,
  read: (row: LandedRow, seen: NewestRow) => T,
): Promise<Map<string, T>> {
  const hashOf = compileContentHash(dataset.hashedAs, dataset.columns);
  const hashSeen = ({ key, hash, deleted, values }: LandedRow): string =>
    isDoubted && !deleted && hashOf(key, values) !== hash ? UNKNOWN_CONTENT : ledgerHash(hash, deleted);
  return newestOf(sink.scan(dataset), dataset, (row, order) => read(row, { order, hash: hashSeen(row) }));
}
