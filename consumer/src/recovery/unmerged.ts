import { isClosing, type Row } from '@tributary/shared';
import { isTombstone, ledgerHash, UNKNOWN_CONTENT } from '../ledger/content.js';
import { type MergeLine, mergedKey, orderOfRecords, readMergedKey } from '../merge/rows.js';
import { type LandedMerge, landedOthers, type NewestSide } from './landed.js';

/**
 * The keys of the records with lines whose merged rows are not what the two sides make, as both have landed: the merge is
 * new, or it was changed, or it was off for a while. A merged row that is newer than its sides belongs to a record that is
 * still on its way here; that record makes it right. So does a record that comes again because what stands in its row is not what was
 * written: a merged row of that would be wrong until then.
 */
export function* findUnmerged(landed: LandedMerge): Generator<string> {
  const rowsOfRecord = liveLines(landed);
  for (const [key, record] of landed.each) {
    if (record.hash === UNKNOWN_CONTENT) continue;
    const lines = landed.rows.lines(record.payload);
    if (lacksRow(record, lines, landed) || keepsDroppedLine(record, lines, rowsOfRecord.get(key) ?? [], landed))
      yield key;
  }
}

/**
 * Whether the merged row of one of the record's lines is missing, or has another content than the two sides make. Where they make none,
 * because the other side is deleted or is not there, nothing is missing, but a row that is still there has to be closed.
 */
function lacksRow(record: NewestSide, lines: readonly MergeLine[], landed: LandedMerge): boolean {
  const { rows, merged } = landed;
  return lines.some((line) => {
    const others = landedOthers(landed, line.targets);
    if (others.some((other) => other?.hash === UNKNOWN_CONTENT)) return false;
    const row = rows.row(record, line, others) ?? rows.tombstone(record, line.id, others);
    const known = merged.get(row.key);
    if (known === undefined) return !isClosing(row);
    return known.hash !== hashOf(row) && orderOfRecords(known.order) <= row.order;
  });
}

const hashOf = (row: Row): string => ledgerHash(row.hash, isClosing(row));

/** Whether a line that the record has dropped still has a merged row. */
function keepsDroppedLine(
  record: NewestSide,
  lines: readonly MergeLine[],
  lineIdsWithRow: readonly string[],
  { merged }: LandedMerge,
): boolean {
  const declared = new Set(lines.map(({ id }) => id));
  return lineIdsWithRow.some((id) => {
    const order = merged.get(mergedKey(record.key, id))?.order ?? '';
    return !declared.has(id) && eachOrderOf(order) <= record.order;
  });
}

/** A merged row's order is that of the record with the lines, then that of the other (see mergedOrder). */
const eachOrderOf = (order: string): string => order.split('\t', 1)[0] ?? '';

/** The lines of each record that have a merged row which no tombstone closes. */
function liveLines({ rows, merged }: LandedMerge): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (const [key, { hash }] of merged) {
    if (isTombstone(hash)) continue;
    const { eachKey, lineId } = readMergedKey(key, rows.withEntities.length);
    const known = lines.get(eachKey);
    if (known === undefined) lines.set(eachKey, [lineId]);
    else known.push(lineId);
  }
  return lines;
}
