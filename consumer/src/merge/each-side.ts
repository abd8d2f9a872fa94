import { isUsableKey, type Row } from '@tributary/shared';
import type { ClaimedRecord } from '../claim/claims.js';
import type { EachJoin, EachRecord } from '../ledger/port.js';
import {
  type ClaimedGroup,
  claimMergedRows,
  type JoinedRecord,
  type MergeOptions,
  NONE_DROPPED,
  type OrderedSide,
  sideOf,
} from './join.js';
import { type MergeLine, type MergeRows, type MergeSide, readSide, targetsOfLine, writeSide } from './rows.js';

/** Joins records that have lines: each line with what it points at, and a tombstone for each line that is gone. */
export async function joinEachSide(claimed: readonly ClaimedRecord[], options: MergeOptions): Promise<JoinedRecord[]> {
  const joined = await joinLines(claimed.map(sideOf), options);
  const merge = options.rows.dataset;
  return joined.map(({ rows, busy, dropped }) =>
    rows.length === 0 && !busy && dropped === undefined
      ? NOTHING_JOINED
      : { rows, busy, dropped: dropped === undefined ? NONE_DROPPED : [{ merge, record: dropped }] },
  );
}

/** What comes of a record without lines, which most are that have none now and had none before. */
const NOTHING_JOINED: JoinedRecord = { rows: [], busy: false, dropped: NONE_DROPPED };

/** What comes of the lines of one record. */
export interface JoinedLines extends ClaimedGroup {
  /** Set if it dropped lines, and they may be forgotten once their tombstones are durable. */
  readonly dropped: EachRecord | undefined;
}

/** @param remerge set for records that have landed: how each row that is made is marked */
export async function joinLines(
  sides: readonly OrderedSide[],
  { rows, ledger, claims }: Pick<MergeOptions, 'rows' | 'ledger' | 'claims'>,
  remerge?: { readonly mark: (row: Row, index: number) => Row },
): Promise<JoinedLines[]> {
  const lines = sides.map(({ payload }) => rows.lines(payload));
  const records = sides.map((side, index) => {
    const of = lines[index] ?? [];
    const ids = of.length === 0 ? NO_LINES : of.map(({ id }) => id);
    // No record reads a side without lines; only its order counts, so its content is left out. But a record that has landed
    // is not delivered again: if this writer dies before its rows are closed, the next writer reads the content here.
    const payload = ids.length === 0 && remerge === undefined ? '' : writeSide(side);
    return { key: side.key, order: side.order, payload, lines: ids };
  });
  const joins = await ledger.joinEach(rows.dataset, records, rows.withEntities.length);

  const read = sideReader();
  const made = sides.map((each, index): readonly Row[] => {
    const own = rowsOf(each, lines[index] ?? [], joins[index], rows, read, remerge !== undefined);
    return remerge === undefined ? own : own.map((row) => remerge.mark(row, index));
  });
  const groups = await claimMergedRows(made, rows.dataset, claims);
  return groups.map(({ rows: claimed, busy, hasStaleTombstone }, index) => ({
    rows: claimed,
    busy,
    // A record that is merged again after a rebuild may be older than one whose merged rows alone have landed. Were the lines of that one
    // forgotten, and a newer record without them came first, their rows would never be closed.
    dropped: hasDropped(joins[index]) && !hasStaleTombstone ? records[index] : undefined,
  }));
}

const NO_LINES: readonly string[] = [];
const NO_ROWS: readonly Row[] = [];

/**
 * The merged rows of one record: one for each line that makes one, and a tombstone for each dropped line.
 *
 * @param isRemerge whether the merge may have been another before: then a line that makes no row may have one, which is closed
 */
function rowsOf(
  each: MergeSide,
  lines: readonly MergeLine[],
  join: EachJoin | 'superseded' | undefined,
  rows: MergeRows,
  read: typeof readSide,
  isRemerge: boolean,
): readonly Row[] {
  // A newer record of this key is stored; its message makes the rows.
  if (join === undefined || join === 'superseded') return NO_ROWS;
  if (lines.length === 0 && join.closed.length === 0) return NO_ROWS;
  const made: Row[] = [];
  for (const [at, line] of lines.entries()) {
    let isAwaited = false;
    const others = line.targets.map((target, place) => {
      const side = join.found[at * line.targets.length + place];
      if (side === 'awaited') isAwaited = true;
      return side === undefined || side === 'awaited' ? undefined : read(target, side.payload);
    });
    // The row may be whole already: to take it back, by half or whole, would be a step back. The record that is awaited makes it.
    if (isAwaited) continue;
    const row = rows.row(each, line, others);
    if (row !== undefined) made.push(row);
    else if (isRemerge) made.push(rows.tombstone(each, line.id, others));
  }
  for (const { line, sides } of join.closed) {
    const targets = targetsOfLine(line);
    // A ledger may hold such a line from a time when it was taken for a key; the line never had a row.
    if (targets.some((target) => target !== '' && !isUsableKey(target))) continue;
    const others = sides.map((side, place) =>
      side === undefined ? undefined : read(targets[place] ?? '', side.payload),
    );
    made.push(rows.tombstone(each, line, others));
  }
  return made;
}

const hasDropped = (join: EachJoin | 'superseded' | undefined): boolean =>
  join !== undefined && join !== 'superseded' && join.closed.length > 0;

/** Lines of many records point at the same few sides: each is parsed once. */
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
