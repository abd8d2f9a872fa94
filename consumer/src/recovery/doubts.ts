import type { Redis } from '@tributary/shared';
import { isTombstone, type LedgerKeys } from '../ledger/keys.js';
import { type MergeRows, orderOfRecords, readMergedKey, readSide, targetOfLine } from '../merge/rows.js';

/** Stands for content that nobody knows: whatever comes next is a change. */
export const UNKNOWN_CONTENT = '?';

/** A record that has left merged rows behind and has not landed itself. */
export interface Doubt {
  readonly entity: string;
  readonly key: string;
  /** Under which it was accepted. */
  readonly order: string;
}

type Orders = ReadonlyMap<string, { readonly order: string }>;

/**
 * Merged rows land before the own row of the record that brought them. Where a merged row tells of a record that has not
 * landed itself, the last accepted content of that record's key is lost with the ledger. Taking the landed content for
 * it goes wrong if just that content comes once more: A landed, B half landed, A again would be dropped as a duplicate,
 * and the merged rows of B would stay.
 *
 * @param keys of the epoch to be, where both sides are already
 * @param merged the newest merged rows, by key
 * @param landed the rows of either entity that have landed, by key
 */
export async function findDoubts(
  redis: Redis,
  keys: LedgerKeys,
  rows: MergeRows,
  merged: ReadonlyMap<string, { readonly hash: string; readonly order: string }>,
  landed: ReadonlyMap<string, Orders>,
): Promise<Doubt[]> {
  const doubts = new Map<string, Doubt>();
  for (const [key, { hash, order }] of merged) {
    const { eachKey, lineId } = readMergedKey(key);
    const [left = '', right = ''] = orderOfRecords(order).split('\t');
    const sides = [
      { entity: rows.eachEntity, key: eachKey, order: left },
      { entity: rows.withEntity, key: targetOfLine(lineId), order: right },
    ];
    const newer = sides.filter((side) => side.order > (landed.get(side.entity)?.get(side.key)?.order ?? ''));
    if (newer.length === 0 || (await isWhatSidesMake(eachKey, lineId, hash))) continue;
    for (const side of newer) {
      const id = `${side.entity} ${side.key}`;
      if (side.order > (doubts.get(id)?.order ?? '')) doubts.set(id, side);
    }
  }
  return [...doubts.values()];

  async function isWhatSidesMake(eachKey: string, lineId: string, hash: string): Promise<boolean> {
    const target = targetOfLine(lineId);
    const [each, other] = await Promise.all([readStored(keys.each, eachKey), readStored(keys.with, target)]);
    if (each === undefined) return false;
    const line = rows.lines(each.payload).find(({ id }) => id === lineId);
    if (line === undefined || other === undefined) return isTombstone(hash);
    return rows.row(each, line, other).hash === hash;
  }

  async function readStored(hashKey: string, key: string) {
    const stored = await redis.hget(hashKey, key);
    if (stored === null) return undefined;
    const side = stored.slice(stored.indexOf('\0') + 1);
    // One without lines is kept without what it holds (merge.ts).
    return side === '' ? { key, version: '', messageId: '', payload: {} } : readSide(key, side);
  }
}
