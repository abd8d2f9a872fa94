import { type ClaimedRecord, type ClaimedRow, rowsByDataset } from '../claim/claims.js';
import { joinEachSide } from './each-side.js';
import { type DroppedLines, type JoinedRecord, type MergeOptions, NONE_DROPPED } from './join.js';
import { joinWithSide } from './with-side.js';

/** A claimed record with everything that becomes durable before its message is acknowledged. */
export interface Entry {
  readonly claimed: ClaimedRecord;
  readonly merged: readonly ClaimedRow[];
  /** The lines that it dropped are forgotten once their tombstones are durable. */
  readonly dropped: readonly DroppedLines[];
  /** Whether merges hold its content by now. */
  readonly isJoined?: boolean;
}

/** What becomes of claimed records in the merges. */
export interface Merged {
  readonly entries: readonly Entry[];
  /**
   * Another consumer has the content of one of their merged rows in flight. They are merged again when that has ended.
   * Their other merged rows have landed, so that no other consumer waits for them in its turn.
   */
  readonly waiting: readonly ClaimedRecord[];
}

export interface MergeStep {
  merge(claimed: readonly ClaimedRecord[]): Promise<Merged>;
}

/** The step for records of one entity: it serves every merge that the entity has a part in. */
export function createMergeStep(entity: string, merges: readonly MergeOptions[]): MergeStep {
  const joins = merges.flatMap((options) => {
    if (entity === options.rows.eachEntity)
      return [(claimed: readonly ClaimedRecord[]) => joinEachSide(claimed, options)];
    const place = options.rows.withEntities.indexOf(entity);
    if (place >= 0) return [(claimed: readonly ClaimedRecord[]) => joinWithSide(claimed, place, options)];
    return [];
  });
  const [first] = merges;
  if (first === undefined || joins.length === 0) return NO_MERGE;
  return {
    async merge(claimed) {
      const joined: JoinedRecord[][] = [];
      for (const join of joins) joined.push(await join(claimed));
      return settle(claimed, combine(joined), first);
    },
  };
}

/** Records of an entity that has no part in any merge pass as they are. */
const NO_MERGE: MergeStep = {
  merge: async (claimed) => ({
    entries: claimed.map((one) => ({ claimed: one, merged: [], dropped: NONE_DROPPED })),
    waiting: [],
  }),
};

/** What comes of each record in all merges together. */
function combine([first = [], ...others]: readonly (readonly JoinedRecord[])[]): readonly JoinedRecord[] {
  if (others.length === 0) return first;
  return first.map((one, index) => {
    const all = [one, ...others.flatMap((joined) => joined[index] ?? [])];
    return {
      rows: all.flatMap(({ rows }) => rows),
      busy: all.some(({ busy }) => busy),
      dropped: all.flatMap(({ dropped }) => dropped),
    };
  });
}

/** Tells records that are ready to be written from those that have to wait, and lands the merged rows of the latter. */
async function settle(
  claimed: readonly ClaimedRecord[],
  joined: readonly JoinedRecord[],
  { land, ledger }: Pick<MergeOptions, 'land' | 'ledger'>,
): Promise<Merged> {
  const entries: Entry[] = [];
  const waiting: ClaimedRecord[] = [];
  const toLand: (readonly ClaimedRow[])[] = [];
  let at = 0;
  for (const one of claimed) {
    const { rows, busy, dropped } = joined[at++] ?? {};
    if (rows === undefined || dropped === undefined) continue;
    if (busy === true) {
      waiting.push(one);
      toLand.push(rows);
    } else {
      entries.push({ claimed: one, merged: rows, dropped, isJoined: true });
    }
  }
  for (const rows of rowsByDataset(toLand)) {
    // A record whose row was refused asks for that row again when it is merged again, and then learns of the refusal.
    const refused = (await land(rows)).map(({ row }) => row);
    const [row] = refused;
    if (row !== undefined) await ledger.release(row.dataset, refused);
  }
  return { entries, waiting };
}
