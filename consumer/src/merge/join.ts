import { isClosing, type Row } from '@tributary/shared';
import type { ClaimedRecord, ClaimedRow, Claims } from '../claim/claims.js';
import type { EachRecord, Ledger } from '../ledger/port.js';
import type { Refusal } from '../sinks/refused.js';
import { type MergeRows, type MergeSide, remergedAt } from './rows.js';

/** One merge, and what its steps need. */
export interface MergeOptions {
  readonly rows: MergeRows;
  readonly ledger: Ledger;
  readonly claims: Claims;
  /**
   * Makes merged rows of one dataset durable and commits them at once: pages before the last, and rows of waiting records.
   * @returns what the sink refused; those rows are still claimed
   */
  readonly land: (rows: readonly ClaimedRow[]) => Promise<readonly Refusal[]>;
}

/** A record that dropped lines, in one merge. */
export interface DroppedLines {
  /** The merge's dataset. */
  readonly merge: string;
  readonly record: EachRecord;
}

export const NONE_DROPPED: readonly DroppedLines[] = [];

/** The merged rows of a record that has none. */
const NO_ROWS: JudgedGroup = { rows: [], busy: false, hasStaleTombstone: false };

/** What comes of one record in one merge. */
export interface JoinedRecord extends ClaimedGroup {
  readonly dropped: readonly DroppedLines[];
}

/** A record as one side of a merge, with the order under which the ledger keeps it. */
export interface OrderedSide extends MergeSide {
  readonly order: string;
}

export const sideOf = ({ record, row }: ClaimedRecord): OrderedSide => ({
  key: record.key,
  // Both as they landed, where another message of the same content brought them.
  version: row.version,
  messageId: row.messageId,
  payload: record.payload,
  order: row.order,
});

/** The merged rows of one record, once they are claimed. */
export interface ClaimedGroup {
  /** Those that this writer has claimed, for this record or (see Claims.held) for another. */
  readonly rows: readonly ClaimedRow[];
  /** Whether one of the others is in flight, in another consumer or as a row that is not known here yet: it has to be asked for again. */
  readonly busy: boolean;
}

/** The same, with what is known of those that this writer has not claimed. */
interface JudgedGroup extends ClaimedGroup {
  /** Whether a tombstone is older than what is known of its line: a newer record has that line, and need not have landed itself. */
  readonly hasStaleTombstone: boolean;
}

/**
 * Claims the merged rows of several records, and keeps those that this writer has to write. A row that is a duplicate or
 * stale belongs to another message, which is not acknowledged before that row, or a newer one, is durable, and which brings it
 * again until then.
 */
export async function claimMergedRows(
  groups: readonly (readonly Row[])[],
  dataset: string,
  claims: Claims,
): Promise<JudgedGroup[]> {
  const asked = await claimInForm(groups.flat(), dataset, claims);
  let at = 0;
  return groups.map((group) => {
    if (group.length === 0) return NO_ROWS;
    const rows: ClaimedRow[] = [];
    let busy = false;
    let hasStaleTombstone = false;
    for (const given of group) {
      const { row = given, verdict, found } = asked[at++] ?? {};
      if (verdict?.kind === 'accept') {
        const claimed: ClaimedRow = { row, landed: found !== undefined, mark: found?.mark };
        claims.hold(claimed);
        rows.push(claimed);
      } else if (verdict?.kind === 'held') {
        const held = claims.held({ ...row, order: verdict.heldOrder ?? row.order });
        if (held === undefined) busy = true;
        else if (!held.landed) rows.push(held);
      } else if (verdict?.kind === 'busy') {
        busy = true;
      } else if (verdict?.kind === 'stale' && isClosing(row)) {
        hasStaleTombstone = true;
      }
    }
    return { rows, busy, hasStaleTombstone };
  });
}

/**
 * Claims merged rows. One that landed before the merge was changed, and whose record has not landed yet, looks otherwise now,
 * and has the same order. It is asked for once more under an order behind that one, so that it is told from it.
 */
async function claimInForm(rows: readonly Row[], dataset: string, claims: Claims) {
  const asked = await judge(rows, dataset, claims);
  const others = asked.flatMap(({ row, verdict }, index) =>
    verdict?.reformedAt === undefined ? [] : [{ index, row: remergedAt(row, verdict.reformedAt) }],
  );
  if (others.length === 0) return asked;
  const rowsAgain = others.map(({ row }) => row);
  for (const [at, one] of (await judge(rowsAgain, dataset, claims)).entries()) asked[others[at]?.index ?? 0] = one;
  return asked;
}

async function judge(rows: readonly Row[], dataset: string, claims: Claims) {
  const { verdicts, landed } = await claims.claim(dataset, rows);
  return rows.map((row, index) => ({ row, verdict: verdicts[index], found: landed.get(row) }));
}
