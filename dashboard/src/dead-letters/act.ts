import type { ConsumeMessage } from '@tributary/shared';
import { type DeadLetter, type LetterMatch, matches } from './letter.js';
import type { Swept, Verdict } from './sweep.js';

/** What one action came to. */
export interface Acted {
  /** Dead letters that it was done to. */
  readonly done: number;
  /** Dead letters that were looked at for it. */
  readonly looked: number;
  /** False if it was ended before it had looked at all. */
  readonly complete: boolean;
}

/** Does something to one letter; resolves when the letter may go. */
export type DoTo = (message: ConsumeMessage, letter: DeadLetter) => Promise<void>;
export type Visit = (message: ConsumeMessage, letter: DeadLetter) => Verdict | Promise<Verdict>;

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** What is being acted on has its body in memory. What comes while there is no room is left for the next pass. */
const BYTES_IN_HAND = 64 * 1024 * 1024;

/**
 * Acts on the letters of one queue that match: in one pass, and in another for what there was no room for and for what
 * had its acknowledgement lost. Only what was there at first is meant: a letter that is replayed and dies anew must not
 * be replayed for ever.
 *
 * @param total is added to
 */
export async function actOnQueue(
  pass: (until: AbortSignal, visit: Visit) => Promise<Swept>,
  match: LetterMatch,
  signal: AbortSignal,
  doTo: DoTo,
  total: Mutable<Acted>,
): Promise<void> {
  const settled = new Set<string>();
  let deferred: Set<string> | undefined;
  for (let again = true; again && !signal.aborted; ) {
    const hand = new Hand();
    const stop = new AbortController();
    const meant: Set<string> | undefined = deferred;
    const left = new Set<string>();
    const swept = await pass(AbortSignal.any([signal, stop.signal]), (message, letter) => {
      const { id } = letter;
      // Done already; only its acknowledgement was lost.
      if (settled.has(id)) return 'remove';
      if (stop.signal.aborted || !matches(letter, match) || meant?.has(id) === false) return 'keep';
      if (!hand.takes(message)) {
        left.add(id);
        return 'keep';
      }
      // One letter was meant: nobody waits for a look at all those behind it.
      if (match.id !== undefined) stop.abort();
      return doTo(message, letter).then((): Verdict => {
        hand.puts(message);
        settled.add(id);
        total.done += 1;
        return 'remove';
      });
    });
    if (deferred === undefined) {
      total.looked += swept.looked;
      total.complete &&= swept.complete || stop.signal.aborted;
    }
    deferred = left;
    again = swept.removed > 0 && (left.size > 0 || swept.surplus > 0);
  }
}

/** How much is being acted on at the same time. */
class Hand {
  #letters = 0;
  #bytes = 0;

  takes({ content }: ConsumeMessage): boolean {
    if (this.#letters > 0 && this.#bytes + content.length > BYTES_IN_HAND) return false;
    this.#letters += 1;
    this.#bytes += content.length;
    return true;
  }

  puts({ content }: ConsumeMessage): void {
    this.#letters -= 1;
    this.#bytes -= content.length;
  }
}
