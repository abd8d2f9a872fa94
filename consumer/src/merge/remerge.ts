import type { Clock, Logger } from '@tributary/shared';
import { joinLines, type MergeOptions } from './merge.js';
import { readSide, remergedAt } from './rows.js';

/** Records that are merged in one go. */
const PAGE = 200;

/** How long what another consumer is at is left to that one. */
const BUSY_DELAY = 250;

export interface RemergeSurroundings {
  readonly clock: Clock;
  readonly log: Logger;
  /** Told when it has failed for good: this writer has ended. */
  readonly onError: (error: unknown) => void;
}

/** The merging of what landed before this merge was there. */
export interface Remerge {
  /** 1 until it is done: the pipeline has not come to rest before. */
  readonly unsettled: number;
  readonly ended: Promise<void>;
  /** Begins no other page. */
  end(): void;
}

/**
 * Makes merged rows the join of both sides where a rebuild found them to be something else: the merge was added, or
 * changed, and the records themselves do not come again. Every consumer is at it at the same time; the ledger sees to it
 * that each row is written once.
 */
export function startRemerge(options: MergeOptions | undefined, { clock, log, onError }: RemergeSurroundings): Remerge {
  const over = new AbortController();
  let isDone = options === undefined;
  const work = async () => {
    const count = options === undefined ? 0 : await remergeAll(options, clock, over.signal);
    if (count > 0) log.info({ records: count }, 'merged again what had landed before the merge was as it is now');
    isDone = true;
  };
  return {
    get unsettled() {
      return isDone ? 0 : 1;
    },
    ended: work().catch(onError),
    end: () => over.abort(),
  };
}

async function remergeAll(options: MergeOptions, clock: Clock, signal: AbortSignal): Promise<number> {
  const { ledger, land } = options;
  let count = 0;
  while (!signal.aborted) {
    const page = await ledger.unmerged(PAGE);
    if (page.length === 0) break;
    // One that was replaced by a record without lines is left to that one, which sees to what it dropped.
    const sides = page.flatMap(({ key, side, at }) =>
      side === undefined ? [] : [{ ...readSide(key, side.payload), order: side.order, at }],
    );
    const joined = await joinLines(sides, options, { mark: (row, index) => remergedAt(row, sides[index]?.at ?? 0) });
    await land(joined.flatMap(({ rows }) => rows));
    await ledger.closeLines(joined.flatMap(({ dropped, busy }) => (dropped === undefined || busy ? [] : [dropped])));
    const busy = new Set(sides.filter((_, index) => joined[index]?.busy).map(({ key }) => key));
    const done = page.map(({ key }) => key).filter((key) => !busy.has(key));
    await ledger.remerged(done);
    count += done.length;
    if (busy.size > 0) await clock.sleep(BUSY_DELAY, signal);
  }
  return count;
}
