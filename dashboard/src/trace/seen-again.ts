import type { Dropped } from '@tributary/shared';
import type { Journal } from './journal.js';

/** When a key last came again and needed no row. */
export interface TracedAgain {
  /** Null if it is not among what is kept. */
  readonly last: { readonly at: string; readonly consumer: string; readonly verdict: Dropped } | null;
  /** Since when what came again is kept; null if nothing is. */
  readonly since: string | null;
  /** Why that cannot be told, in words; null if it can. */
  readonly note: string | null;
}

export async function seenAgainOf(
  journal: Journal | undefined,
  dataset: string,
  key: string,
  signal: AbortSignal,
): Promise<TracedAgain> {
  if (journal === undefined) {
    const note = 'give the dashboard REDIS_URL, where consumers note what came again';
    return { last: null, since: null, note };
  }
  try {
    journal.check();
    const { last, since } = await journal.seenAgain.last(dataset, key, signal);
    return {
      last: last === undefined ? null : { ...last, at: new Date(last.at).toISOString() },
      since: since === undefined ? null : new Date(since).toISOString(),
      note: null,
    };
  } catch (error) {
    signal.throwIfAborted();
    return { last: null, since: null, note: (error as Error).message };
  }
}
