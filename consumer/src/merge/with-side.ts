import type { Row } from '@tributary/shared';
import type { ClaimedRecord, ClaimedRow } from '../claim/claims.js';
import type { WithJoin } from '../ledger/port.js';
import { claimMergedRows, type JoinedRecord, type MergeOptions, NONE_DROPPED, sideOf } from './join.js';
import { type MergeRows, readSide, writeSide } from './rows.js';

/** Very many records may point at one, so their merged rows are made and written in pages of this size. */
const PAGE = 500;

/** A page of the merged rows of one record. */
interface Page {
  readonly one: ClaimedRecord;
  /** The key after which the page begins. */
  readonly after: string;
  /** Whether another consumer has a row of an earlier page in flight. */
  readonly busy: boolean;
  /** Rows of earlier pages that the sink refused. They stay claimed, so that they are refused once more together with the last page. */
  readonly refused: readonly ClaimedRow[];
}

/**
 * Joins records that lines point at: each with every line that does. Lands all pages but the last of each record.
 * @param place which of the sides that lines point at these are
 */
export async function joinWithSide(
  claimed: readonly ClaimedRecord[],
  place: number,
  options: MergeOptions,
): Promise<JoinedRecord[]> {
  const joined = new Map<ClaimedRecord, JoinedRecord>();
  let pages: readonly Page[] = claimed.map((one) => ({ one, after: '', busy: false, refused: [] }));
  while (pages.length > 0) {
    const next: Page[] = [];
    for (const { one, rows, busy, refused, after } of await joinPages(pages, place, options)) {
      if (after === undefined) {
        joined.set(one, { rows: [...refused, ...rows], busy, dropped: NONE_DROPPED });
      } else {
        const more = (await options.land(rows)).map(({ row }) => ({ row, landed: false }));
        next.push({ one, after, busy, refused: [...refused, ...more] });
      }
    }
    pages = next;
  }
  return claimed.flatMap((one) => joined.get(one) ?? []);
}

interface JoinedPage extends Pick<Page, 'one' | 'busy' | 'refused'> {
  readonly rows: readonly ClaimedRow[];
  /** Where the next page begins; undefined after the last. */
  readonly after: string | undefined;
}

async function joinPages(
  pages: readonly Page[],
  place: number,
  { rows, ledger, claims }: MergeOptions,
): Promise<JoinedPage[]> {
  const records = pages.map(({ one, after }) => ({
    key: one.record.key,
    order: one.row.order,
    payload: writeSide(sideOf(one)),
    after,
  }));
  const star = { place, places: rows.withEntities.length };
  const joins = await ledger.joinWith(rows.dataset, records, PAGE, star);
  const made = pages.map(({ one }, index) => rowsOf(one, place, joins[index], rows));
  const groups = await claimMergedRows(made, rows.dataset, claims);
  return pages.map(({ one, busy, refused }, index) => {
    const join = joins[index];
    const group = groups[index];
    return {
      one,
      rows: group?.rows ?? [],
      busy: busy || group?.busy === true,
      refused,
      after: join === undefined || join === 'superseded' ? undefined : join.after,
    };
  });
}

/** The merged rows of one record with the lines that point at it, as far as they are on this page. */
function rowsOf(
  one: ClaimedRecord,
  place: number,
  join: WithJoin | 'superseded' | undefined,
  rows: MergeRows,
): readonly Row[] {
  // A newer record of this key is stored; its message makes the rows.
  if (join === undefined || join === 'superseded') return [];
  const other = sideOf(one);
  return join.pointing.flatMap(({ key, side, others }) => {
    const each = readSide(key, side.payload);
    return rows.lines(each.payload).flatMap((line) => {
      if (line.targets[place] !== other.key) return [];
      if (others === undefined) return rows.row(each, line, [other]) ?? [];
      const found = others.get(line.id);
      // A record that is awaited makes the row, which may be whole already.
      if (found === undefined || found.includes('awaited')) return [];
      const sides = line.targets.map((target, at) => {
        const its = found[at];
        if (at === place) return other;
        return its === undefined || its === 'awaited' ? undefined : readSide(target, its.payload);
      });
      return rows.row(each, line, sides) ?? [];
    });
  });
}
