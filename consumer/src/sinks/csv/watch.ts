import type { Clock } from '@tributary/shared';
import { WriterLost } from '../../writer-lost.js';
import type { Losses } from './losses.js';
import type { Presence } from './presence.js';
import type { CsvPartWriter } from './writer.js';

export interface WatchOptions {
  readonly presence: Pick<Presence, 'conflict'>;
  readonly losses: Losses;
  /** The writers of this process, which look after their own parts. */
  readonly writers: readonly CsvPartWriter[];
  readonly clock: Clock;
  readonly onLost: (lost: WriterLost) => void;
  /** Aborted when the writers are closed. */
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks, at least and at most: a change is to be told within 10 s. */
const OFTEN = 3_000;
const SELDOM = 7_000;
/** A look at thousands of parts takes its time; this part of the time at most is spent on it. */
const SHARE = 20;

/**
 * Looks from time to time whether another program has deleted or changed parts, also while nothing is written and in parts that
 * their writers are done with. A look costs a listing of each dataset and one stat for each part.
 */
export async function watchOutput({ presence, losses, writers, clock, onLost, signal }: WatchOptions): Promise<void> {
  for (let pause = OFTEN; ; ) {
    await clock.sleep(pause, signal);
    if (signal.aborted) return;
    const began = performance.now();
    try {
      if (presence.conflict !== undefined) throw new WriterLost('lost', presence.conflict.message);
      for (const writer of writers) await writer.check();
      const changes = await losses.find({ open: false });
      const [first] = changes;
      if (first !== undefined) {
        const more = changes.length === 1 ? '' : ` (and ${changes.length - 1} more parts are changed or gone)`;
        throw new WriterLost('lost', `${first.path} ${first.what}${more}; the output is looked through again`);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof WriterLost) return onLost(error);
      // The folder is away, or there are too many files open: the next write, or the next look, tells.
    }
    pause = Math.min(SELDOM, Math.max(OFTEN, SHARE * (performance.now() - began)));
  }
}
