import { isTombstone } from '../ledger/keys.js';
import { type MergeRows, type MergeSide, mergedKey, orderOfRecords, readMergedKey } from '../merge/rows.js';

/** The newest row of a side of the merge. */
interface Landed {
  readonly order: string;
  readonly side: Omit<MergeSide, 'key'> | undefined;
}

/**
 * The records with lines whose merged rows are not what the two sides make, as both have landed: the merge is new, or
 * another than before, or it was off for a while. A merged row that is newer than its sides belongs to a record that is
 * still on its way here; that record will see to it.
 *
 * @param each the newest rows of the side with the lines, by key
 * @param others those of the other side
 * @param merged the newest merged rows, by key
 */
export function* findUnmerged(
  rows: MergeRows,
  each: ReadonlyMap<string, Landed>,
  others: ReadonlyMap<string, Landed>,
  merged: ReadonlyMap<string, { readonly hash: string; readonly order: string }>,
): Generator<string> {
  const lineIds = liveLines(merged);
  for (const [key, { order, side }] of each) {
    if (side === undefined) continue;
    const record = { key, ...side };
    const other = (target: string): MergeSide | undefined => {
      const found = others.get(target)?.side;
      return found === undefined ? undefined : { key: target, ...found };
    };
    const lines = rows.lines(side.payload);
    const declared = new Set(lines.map(({ id }) => id));
    const lacks = lines.some((line) => {
      const target = other(line.target);
      if (target === undefined) return false;
      const row = rows.row(record, line, target);
      const known = merged.get(row.key);
      return known === undefined || (known.hash !== row.hash && orderOfRecords(known.order) <= row.order);
    });
    const keeps = (lineIds.get(key) ?? []).some(
      (id) => !declared.has(id) && leftOf(merged.get(mergedKey(key, id))?.order ?? '') <= order,
    );
    if (lacks || keeps) yield key;
  }
}

/** A merged row's order is that of the record with the lines, then that of the other (see mergedOrder). */
const leftOf = (order: string): string => order.split('\t', 1)[0] ?? '';

/** The lines of each record that have a merged row, which no tombstone closes. */
function liveLines(merged: ReadonlyMap<string, { readonly hash: string }>): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (const [key, { hash }] of merged) {
    if (isTombstone(hash)) continue;
    const { eachKey, lineId } = readMergedKey(key);
    const known = lines.get(eachKey);
    if (known === undefined) lines.set(eachKey, [lineId]);
    else known.push(lineId);
  }
  return lines;
}
