import type { Dropped } from '@tributary/shared';
import type { Journal } from './journal.js';

/** When a key last came again and needed no row. */
export interface TracedAgain {
  /** Null if no repetition of this key is kept. */
  readonly last: { readonly at: string; readonly consumer: string; readonly verdict: Dropped } | null;
  /** Since when repetitions are kept; null if none are. */
  readonly since: string | null;
  /** Why this is not known, in words; null if it is. */
  readonly note: string | null;
}

export async function seenAgainOf(
  journal: Journal | undefined,
  dataset: string,
  key: string,
  signal: AbortSignal,
): Promise<TracedAgain> {
  if (journal === undefined) {
    const note = 'give the dashboard the REDIS_URL of the consumers, which keep there what they have seen again';
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
