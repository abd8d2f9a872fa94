import type { Clock, Logger } from '@tributary/shared';
import type { Refusal } from '../sinks/refused.js';
import { joinLines } from './each-side.js';
import type { MergeOptions } from './join.js';
import { readSide, remergedAt } from './rows.js';

/** The number of records that are merged in one go. */
const PAGE = 200;

/** Milliseconds to wait before rows that another consumer has in flight are asked for again. */
const BUSY_DELAY = 250;

export interface RemergeSurroundings {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when the remerge has failed for good: this writer has ended. */
  readonly onError: (error: unknown) => void;
}

/** The merging of records that landed before their merge was there, or before it was as it is now. */
export interface Remerge {
  /** 1 until the remerge is done, 0 after: until then the pipeline is not at rest. */
  readonly unsettled: number;
  readonly ended: Promise<void>;
  /** Begins no other page. */
  end(): void;
}

/**
 * Makes merged rows the join of both sides where a rebuild found that they are not. A merge was added or changed, and the
 * records themselves are not delivered again. All consumers do this at the same time; the ledger makes sure that each row is
 * written once.
 */
export function startRemerge(merges: readonly MergeOptions[], { clock, log, onError }: RemergeSurroundings): Remerge {
  const over = new AbortController();
  let isDone = merges.length === 0;
  const work = async () => {
    let count = 0;
    for (const merge of merges) count += await remergeAll(merge, { clock, log, signal: over.signal });
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

/** @returns the number of records that were merged */
async function remergeAll(
  options: MergeOptions,
  { clock, log, signal }: Pick<RemergeSurroundings, 'clock' | 'log'> & { readonly signal: AbortSignal },
): Promise<number> {
  let count = 0;
  while (!signal.aborted) {
    const { found, done } = await remergePage(options, log);
    if (found === 0) break;
    count += done;
    if (done < found) await clock.sleep(BUSY_DELAY, signal);
  }
  return count;
}

/** @returns how many records were still to be merged, at most a page, and how many of them are merged now */
async function remergePage(options: MergeOptions, log: Logger): Promise<{ found: number; done: number }> {
  const { rows, ledger, land } = options;
  const page = await ledger.unmerged(rows.dataset, PAGE);
  if (page.length === 0) return { found: 0, done: 0 };
  // A record that was replaced by one without lines is left to that one, which closes the lines that it dropped.
  const sides = page.flatMap(({ key, side, at }) =>
    side === undefined ? [] : [{ ...readSide(key, side.payload), order: side.order, at }],
  );
  const joined = await joinLines(sides, options, { mark: (row, index) => remergedAt(row, sides[index]?.at ?? 0) });
  const refusals = await land(joined.flatMap((one) => one.rows));
  await giveUp(refusals, options, log);
  const closed = joined.flatMap(({ dropped, busy }) => (dropped === undefined || busy ? [] : [dropped]));
  await ledger.closeLines(rows.dataset, closed);
  const busy = new Set(sides.filter((_, index) => joined[index]?.busy).map(({ key }) => key));
  const done = page.map(({ key }) => key).filter((key) => !busy.has(key));
  await ledger.remerged(rows.dataset, done);
  return { found: page.length, done: done.length };
}

/**
 * There is no message to bury: the records themselves have landed. So it is told, and the rows are made the next time that one of their
 * records changes, or that the ledger is rebuilt.
 */
async function giveUp(refusals: readonly Refusal[], { rows, ledger }: MergeOptions, log: Logger): Promise<void> {
  if (refusals.length === 0) return;
  const refused = refusals.map(({ row }) => row);
  await ledger.release(rows.dataset, refused);
  for (const { row, error } of refusals) {
    log.error(
      { dataset: row.dataset, key: row.key, reason: error.message },
      'a merged row is missing: the sink refuses it',
    );
  }
}
