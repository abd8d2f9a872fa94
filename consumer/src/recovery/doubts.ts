import { versionOrder } from '@tributary/shared';
import { isTombstone } from '../ledger/content.js';
import { orderOfRecords, readMergedKey, targetsOfLine } from '../merge/rows.js';
import { type LandedMerge, landedOthers } from './landed.js';

/** A record that has left merged rows behind and has not landed itself. */
export interface Doubt {
  /** Which of the sides that lines point at it is; undefined for the one that has the lines. */
  readonly place: number | undefined;
  readonly entity: string;
  readonly key: string;
  /** The order under which it was accepted. */
  readonly order: string;
}

/** A line whose merged row tells of records in doubt. */
export interface DoubtfulLine {
  readonly eachKey: string;
  readonly lineId: string;
  readonly doubts: readonly Doubt[];
}

/**
 * Merged rows land before the own row of the record that brought them. Where a merged row tells of a record that has not
 * landed itself, the last accepted content of that record's key is lost with the ledger. To take the landed content for it
 * goes wrong if exactly that content comes once more: A landed, B half landed, and a second A would be dropped as a
 * duplicate, while the merged rows of B stay.
 */
export function* findDoubts(landed: LandedMerge): Generator<DoubtfulLine> {
  for (const [key, { hash, order }] of landed.merged) {
    const newer = sidesOf(key, order, landed).filter(
      (side) => side.order !== NO_RECORD && side.order > landedOrder(side, landed),
    );
    if (newer.length === 0) continue;
    const doubts = sidesThatMatter(newer, key, hash, landed);
    if (doubts.length > 0) yield { ...readMergedKey(key, landed.others.length), doubts };
  }
}

/** The order of a side that was not there when the merged row was made. */
const NO_RECORD = versionOrder('', '');

/** The records that a merged row was made of, under the orders that it tells. */
function sidesOf(mergedKey: string, mergedOrder: string, { rows }: LandedMerge): Doubt[] {
  const { eachKey, lineId } = readMergedKey(mergedKey, rows.withEntities.length);
  const [eachOrder = '', ...orders] = orderOfRecords(mergedOrder).split('\t');
  const targets = targetsOfLine(lineId);
  return [
    { place: undefined, entity: rows.eachEntity, key: eachKey, order: eachOrder },
    ...rows.withEntities.map((entity, place) => {
      return { place, entity, key: targets[place] ?? '', order: orders[place] ?? NO_RECORD };
    }),
  ];
}

const landedOrder = ({ place, key }: Doubt, landed: LandedMerge): string =>
  (place === undefined ? landed.each : landed.others[place])?.get(key)?.order ?? '';

/**
 * Those of the sides which have to be known, because the records that have landed make another merged row. If they make the same,
 * it does not matter which of them were accepted.
 */
function sidesThatMatter(newer: readonly Doubt[], mergedKey: string, hash: string, landed: LandedMerge) {
  const { rows, others } = landed;
  const { eachKey, lineId } = readMergedKey(mergedKey, others.length);
  const each = landed.each.get(eachKey);
  if (each === undefined) return newer;
  const line = rows.lines(each.payload).find(({ id }) => id === lineId);
  // Whether the record that has not landed had dropped the line, or the other side was deleted, the closed row does not tell.
  if (line === undefined) return isTombstone(hash) ? newer.filter(({ place }) => place !== undefined) : newer;
  // In a star, a side behind a newer one may change next: the row that is made then must not be older than this one.
  if (others.length > 1) return newer;
  const row = rows.row(each, line, landedOthers(landed, line.targets));
  if (row !== undefined && row.values !== null) return row.hash === hash ? NONE : newer;
  // The other side is missing or deleted, also where the merged row is closed: records between what has landed and what is in doubt come once
  // more, and the rows that they make must not be older than this one.
  return newer;
}

const NONE: readonly Doubt[] = [];
