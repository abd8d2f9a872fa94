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

/** Joins records that lines point at: each with every line that does. Lands all pages but the last of each record. */
export async function joinWithSide(claimed: readonly ClaimedRecord[], options: MergeOptions): Promise<JoinedRecord[]> {
  const joined = new Map<ClaimedRecord, JoinedRecord>();
  let pages: readonly Page[] = claimed.map((one) => ({ one, after: '', busy: false, refused: [] }));
  while (pages.length > 0) {
    const next: Page[] = [];
    for (const { one, rows, busy, refused, after } of await joinPages(pages, options)) {
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

async function joinPages(pages: readonly Page[], { rows, ledger, claims }: MergeOptions): Promise<JoinedPage[]> {
  const records = pages.map(({ one, after }) => ({
    key: one.record.key,
    order: one.row.order,
    payload: writeSide(sideOf(one)),
    after,
  }));
  const joins = await ledger.joinWith(rows.dataset, records, PAGE);
  const made = pages.map(({ one }, index) => rowsOf(one, joins[index], rows));
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
function rowsOf(one: ClaimedRecord, join: WithJoin | 'superseded' | undefined, rows: MergeRows): Row[] {
  // A newer record of this key is stored; its message makes the rows.
  if (join === undefined || join === 'superseded') return [];
  const other = sideOf(one);
  return join.pointing.flatMap(({ key, side }) => {
    const each = readSide(key, side.payload);
    const lines = rows.lines(each.payload).filter(({ target }) => target === other.key);
    return lines.map((line) => rows.row(each, line, other));
  });
}
