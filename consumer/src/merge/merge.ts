import { isUsableKey, type Row } from '@tributary/shared';
import type { Claimed, ClaimedRow, Claims } from '../claim/claims.js';
import type { EachJoin, EachRecord, Ledger } from '../ledger/port.js';
import { type MergeRows, type MergeSide, readSide, targetOfLine, writeSide } from './rows.js';

/** A claimed record with everything that becomes durable before its message is acknowledged. */
export interface Entry {
  readonly claimed: Claimed;
  readonly merged: readonly ClaimedRow[];
  /** Set for a record that dropped lines: they are forgotten once their tombstones are durable. */
  readonly each: EachRecord | undefined;
}

/** So many records may point at one item that their merged rows are made and written in pages of this size. */
const PAGE = 500;

/** What becomes of claimed records in the merge. */
export interface Merged {
  readonly entries: readonly Entry[];
  /**
   * Another consumer has the content of one of their merged rows in flight: they are merged again when that has come to
   * its end. What else they asked for has landed, so that nobody waits for those that wait.
   */
  readonly waiting: readonly Claimed[];
}

export interface MergeStep {
  merge(claimed: readonly Claimed[]): Promise<Merged>;
}

/** Without a merge in the pipeline, or for an entity that has no part in it, records pass as they are. */
export const NO_MERGE: MergeStep = {
  merge: async (claimed) => ({
    entries: claimed.map((one) => ({ claimed: one, merged: [], each: undefined })),
    waiting: [],
  }),
};

export interface MergeOptions {
  readonly rows: MergeRows;
  readonly ledger: Ledger;
  readonly claims: Claims;
  /** Makes merged rows durable and commits them at once, for the pages before the last and for those that wait. */
  readonly land: (rows: readonly ClaimedRow[]) => Promise<void>;
}

export function createMergeStep(entity: string, options: MergeOptions): MergeStep {
  if (entity === options.rows.eachEntity) return { merge: (claimed) => mergeEach(claimed, options) };
  if (entity === options.rows.withEntity) return { merge: (claimed) => mergeWith(claimed, options) };
  return NO_MERGE;
}

/** Records with lines: each line with what it points at, and a tombstone for each line that is no more. */
async function mergeEach(claimed: readonly Claimed[], options: MergeOptions): Promise<Merged> {
  const sides = claimed.map(mergeSide);
  const joined = await joinLines(sides, options);
  await options.land(joined.flatMap(({ rows, busy }) => (busy ? rows : [])));
  const entries: Entry[] = [];
  const waiting: Claimed[] = [];
  for (const [index, { rows, busy, dropped }] of joined.entries()) {
    const one = claimed[index];
    if (one === undefined) continue;
    if (busy) waiting.push(one);
    else entries.push({ claimed: one, merged: rows, each: dropped });
  }
  return { entries, waiting };
}

/** What comes of the lines of one record. */
export interface JoinedLines {
  /** Its merged rows, claimed by this writer. */
  readonly rows: readonly ClaimedRow[];
  /** Another consumer has one of the others in flight. */
  readonly busy: boolean;
  /** Set if it dropped lines. */
  readonly dropped: EachRecord | undefined;
}

/** @param remerge set for records that have landed: how each row that is made is marked */
export async function joinLines(
  sides: readonly (MergeSide & { readonly order: string })[],
  options: Omit<MergeOptions, 'land'>,
  remerge?: { readonly mark: (row: Row, index: number) => Row },
): Promise<JoinedLines[]> {
  const { rows, ledger } = options;
  const lines = sides.map(({ payload }) => rows.lines(payload));
  const records = sides.map((side, index) => {
    const ids = (lines[index] ?? []).map(({ id }) => id);
    // Nobody looks into a side that points at nothing; its order is all that counts. But one that has landed is not
    // delivered again: should this writer die before its rows are closed, the next one reads it here.
    const payload = ids.length === 0 && remerge === undefined ? '' : writeSide(side);
    return { key: side.key, order: side.order, payload, lines: ids };
  });
  const joins = await ledger.joinEach(records);

  const read = sideReader();
  const made = sides.map((each, index) => {
    const join = joins[index];
    // A newer record of this key is in: whoever brought that one makes the rows.
    if (join === undefined || join === 'superseded') return [];
    const found = (lines[index] ?? []).flatMap((line, at) => {
      const side = join.found[at];
      return side === undefined ? [] : [rows.row(each, line, read(line.target, side.payload))];
    });
    const closed = join.closed.flatMap(({ line, side }) => {
      const target = targetOfLine(line);
      // A ledger may have such a line open from before they pointed at nothing; it never had a row.
      if (!isUsableKey(target)) return [];
      return [rows.tombstone(each, line, side === undefined ? undefined : read(target, side.payload))];
    });
    const made = [...found, ...closed];
    return remerge === undefined ? made : made.map((row) => remerge.mark(row, index));
  });

  const groups = await claimMerged(made, options);
  return groups.map((group, index) => ({
    ...group,
    dropped: droppedLines(joins[index]) ? records[index] : undefined,
  }));
}

const droppedLines = (join: EachJoin | 'superseded' | undefined): boolean =>
  join !== undefined && join !== 'superseded' && join.closed.length > 0;

/** Records that lines point at: each with every line that does. */
async function mergeWith(claimed: readonly Claimed[], options: MergeOptions): Promise<Merged> {
  const last = new Map<Claimed, readonly ClaimedRow[]>();
  const waiting = new Set<Claimed>();
  let pages = claimed.map((one) => ({ one, after: '' }));
  while (pages.length > 0) {
    const joined = await mergePages(pages, options);
    pages = [];
    for (const { one, rows, busy, after } of joined) {
      if (busy) waiting.add(one);
      if (after !== undefined) pages.push({ one, after });
      if (after === undefined && !waiting.has(one)) last.set(one, rows);
      else await options.land(rows);
    }
  }
  const entries = [...last].map(([one, rows]) => ({ claimed: one, merged: rows, each: undefined }));
  return { entries, waiting: [...waiting] };
}

async function mergePages(pages: readonly { one: Claimed; after: string }[], options: MergeOptions) {
  const { rows, ledger } = options;
  const records = pages.map(({ one, after }) => ({
    key: one.record.key,
    order: one.row.order,
    payload: writeSide(mergeSide(one)),
    after,
  }));
  const joins = await ledger.joinWith(records, PAGE);
  const made = pages.map(({ one }, index) => {
    const join = joins[index];
    if (join === undefined || join === 'superseded') return [];
    const other = mergeSide(one);
    return join.pointing.flatMap(({ key, side }) => {
      const each = readSide(key, side.payload);
      const lines = rows.lines(each.payload).filter(({ target }) => target === other.key);
      return lines.map((line) => rows.row(each, line, other));
    });
  });
  const groups = await claimMerged(made, options);
  return pages.map(({ one }, index) => {
    const join = joins[index];
    const after = join === undefined || join === 'superseded' ? undefined : join.after;
    return { one, rows: groups[index]?.rows ?? [], busy: groups[index]?.busy === true, after };
  });
}

/**
 * Claims merged rows, and keeps those that are this writer's to write. One that is a duplicate or stale belongs to
 * another message, which is not acknowledged before the row, or a newer one, is durable.
 */
async function claimMerged(groups: readonly (readonly Row[])[], options: Omit<MergeOptions, 'land'>) {
  const all = groups.flat();
  const judged = await options.claims.claim(options.rows.dataset, all);
  let at = 0;
  return groups.map((group) => {
    const mine = group.map((row) => ({ row, ...judged[at++] }));
    return {
      rows: mine.flatMap(({ row, verdict, landed }) =>
        verdict?.kind === 'accept' ? [{ row, landed: landed === true }] : [],
      ),
      busy: mine.some(({ verdict }) => verdict?.kind === 'busy'),
    };
  });
}

const mergeSide = ({ record, envelope, row }: Claimed): MergeSide & { readonly order: string } => ({
  key: record.key,
  version: record.version,
  messageId: envelope.messageId,
  payload: record.payload,
  order: row.order,
});

/** Lines of many records point at the same few sides: each is read once. */
function sideReader(): typeof readSide {
  const sides = new Map<string, { readonly text: string; readonly side: MergeSide }>();
  return (key, text) => {
    const known = sides.get(key);
    if (known?.text === text) return known.side;
    const side = readSide(key, text);
    sides.set(key, { text, side });
    return side;
  };
}
