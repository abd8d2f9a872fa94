import { versionOrder } from '@tributary/shared';
import { isTombstone, UNKNOWN_CONTENT } from '../ledger/content.js';
import { orderOfRecords, readMergedKey, targetOfLine } from '../merge/rows.js';
import type { LandedMerge, NewestMerged } from './landed.js';

/** A record that has left merged rows behind and has not landed itself. */
export interface Unlanded {
  /** Which side of the merge it is. */
  readonly side: 'each' | 'with';
  readonly entity: string;
  readonly key: string;
  /** The order under which it was accepted. */
  readonly order: string;
  readonly version: string;
  readonly messageId: string;
  /** Whether its content may be another than that which has landed of its key. */
  readonly isDoubted: boolean;
}

/**
 * Merged rows land before the own row of the record that brought them. Where a merged row tells of a record that has not
 * landed itself, the last accepted content of that record's key is lost with the ledger. To take the landed content for it
 * goes wrong if exactly that content comes once more: A landed, B half landed, and a second A would be dropped as a
 * duplicate, while the merged rows of B stay. So the record is doubted, unless its merged rows are just as the landed content makes
 * them. Were that record doubted as well, it would be written once more without a change when it comes again.
 *
 * @returns the newest of each key
 */
export function findUnlanded(landed: LandedMerge): Unlanded[] {
  const newest = new Map<string, Unlanded>();
  for (const [key, row] of landed.merged) {
    if (row.ahead === undefined) continue;
    for (const one of recordsAhead(key, row, landed)) {
      const id = `${one.entity} ${one.key}`;
      const known = newest.get(id);
      const latest = known === undefined || one.order > known.order ? one : known;
      newest.set(id, { ...latest, isDoubted: one.isDoubted || known?.isDoubted === true });
    }
  }
  return [...newest.values()];
}

/** Whether a merged row of this order tells of a record that is newer than what has landed of its key. */
export function isAhead(key: string, order: string, landed: Omit<LandedMerge, 'merged'>): boolean {
  return SIDES.some((side) => isNewer(orderIn(order, side), landedOrder(side, key, landed)));
}

/** The order of a side that was not there when the merged row was made. */
const NO_RECORD = versionOrder('', '');

const isNewer = (order: string, landedOrder: string): boolean => order !== NO_RECORD && order > landedOrder;

const SIDES = ['each', 'with'] as const;

/** A merged row's order is that of the record with the lines, then that of the other (see mergedOrder). */
const orderIn = (order: string, side: Unlanded['side']): string =>
  orderOfRecords(order).split('\t')[SIDES.indexOf(side)] ?? '';

function keyIn(mergedKey: string, side: Unlanded['side']): string {
  const { eachKey, lineId } = readMergedKey(mergedKey);
  return side === 'each' ? eachKey : targetOfLine(lineId);
}

const landedOrder = (side: Unlanded['side'], mergedKey: string, landed: Omit<LandedMerge, 'merged'>): string =>
  landed[side].get(keyIn(mergedKey, side))?.order ?? '';

/** The records that this merged row tells of and that have not landed; none if it does not matter which of them were accepted. */
function recordsAhead(mergedKey: string, row: NewestMerged, landed: LandedMerge): Unlanded[] {
  const { rows } = landed;
  const isDoubted = doubtsOf(mergedKey, row, landed);
  if (isDoubted === NOTHING_TO_KNOW) return [];
  return SIDES.flatMap((side, at) => {
    const order = orderIn(row.order, side);
    if (!isNewer(order, landedOrder(side, mergedKey, landed))) return [];
    const part = (joined = '') => joined.split(' ')[at] ?? '';
    return {
      side,
      entity: side === 'each' ? rows.eachEntity : rows.withEntity,
      key: keyIn(mergedKey, side),
      order,
      version: part(row.ahead?.version),
      messageId: part(orderOfRecords(row.ahead?.messageId ?? '')),
      isDoubted: isDoubted(side),
    };
  });
}

/** Tells of each side of a merged row whether the landed record would make another row. */
function doubtsOf(
  mergedKey: string,
  { hash, ahead }: NewestMerged,
  landed: LandedMerge,
): (side: Unlanded['side']) => boolean {
  const { eachKey, lineId } = readMergedKey(mergedKey);
  const each = landed.each.get(eachKey);
  if (each === undefined) return BOTH;
  const line = landed.rows.lines(each.payload).find(({ id }) => id === lineId);
  if (line === undefined) return isTombstone(hash) ? NOTHING_TO_KNOW : BOTH;
  const other = landed.with.get(targetOfLine(lineId));
  if (isTombstone(hash)) {
    // Where the other side is missing or deleted, the record with the line may come back as it landed, and the other side after it.
    // The row that they make must then not be older than this tombstone.
    return other === undefined || other.payload === null ? ONLY_EACH : BOTH;
  }
  if (ahead === undefined || hash === UNKNOWN_CONTENT) return BOTH;
  const made = other === undefined ? landed.rows.halfRow(each, line) : landed.rows.row(each, line, other);
  if (made?.hash === hash) return NEITHER;
  return (side) => {
    const record = side === 'each' ? each : other;
    if (record?.payload == null || record.hash === UNKNOWN_CONTENT) return true;
    return !landed.rows.agrees(ahead.values, side, each.payload ?? {}, line, other?.payload ?? {});
  };
}

const BOTH = () => true;
const ONLY_EACH = (side: Unlanded['side']) => side === 'each';
const NEITHER = () => false;
/** There is neither a row nor a line: no record has to be known. */
const NOTHING_TO_KNOW = () => false;
