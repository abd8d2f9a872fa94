import type { Clock, ConsumeMessage } from '@tributary/shared';
import { keptBodyOf } from './kept-bodies.js';
import type { DeadLetter } from './letter.js';
import type { Disposition } from './pass.js';
import { isUnsendable } from './replayer.js';
import type { Swept } from './sweep.js';
import { type Fault, type Faults, type Problem, problemOf } from './verdict.js';

/** What one action has done. */
export interface Acted {
  /** Dead letters that it was done to. */
  readonly done: number;
  /** Dead letters that match and stay: it would be of no use to them. */
  readonly stayed: number;
  /** Why they stay. */
  readonly faults: readonly Fault[];
  /** Dead letters that were looked at for it. */
  readonly looked: number;
  /** False if the action was ended before it had looked at all of them. */
  readonly complete: boolean;
}

/** Does something to one letter; resolves when the letter may be removed, or with the reason for which it stays. */
export type DoTo = (message: ConsumeMessage, letter: DeadLetter) => Promise<Problem | undefined>;
/** Whether it is of any use to do it to a letter; the reason if it is not. Called before there is room for the letter. */
export type Sift = (message: ConsumeMessage, letter: DeadLetter) => Problem | undefined;
export type Visit = (message: ConsumeMessage, letter: DeadLetter) => Disposition | Promise<Disposition>;

/** What has been done so far. */
export interface Total {
  done: number;
  looked: number;
  complete: boolean;
  readonly faults: Faults;
}

/** The bodies of letters that are being acted on are in memory. A letter for which there is no room waits for the next pass. */
const BYTES_IN_HAND = 64 * 1024 * 1024;

/** Milliseconds that a pass may last. RabbitMQ closes the channel of a consumer that holds a delivery for 30 minutes. */
const LONGEST_PASS = 20 * 60_000;

/** What an action does, and to which letters. */
export interface Action {
  readonly isMeant: (message: ConsumeMessage, letter: DeadLetter) => boolean;
  /** Whether only one letter is meant, so that there is no need to look further. */
  readonly isOne: boolean;
  readonly signal: AbortSignal;
  readonly doTo: DoTo;
  readonly sift?: Sift | undefined;
  readonly clock: Clock;
}

/**
 * Acts on the letters of one queue that match. After the first pass there is another one for the letters that there was no
 * room for, for those whose acknowledgement was lost, and for those that the time was too short for. Only letters that were
 * there at first are acted on: a letter that is replayed and comes back must not be replayed for ever.
 *
 * @param total what was done is added to it
 */
export async function actOnQueue(
  pass: (until: AbortSignal, visit: Visit) => Promise<Swept>,
  { isMeant, isOne, signal, doTo, sift, clock }: Action,
  total: Total,
): Promise<void> {
  const settled = new Set<string>();
  /** Letters that stay, each told once. */
  const staying = new Set<string>();
  const began = new Date(clock.now()).toISOString();
  let deferred: Set<string> | undefined;
  let isContinued = false;
  for (let again = true; again && !signal.aborted; ) {
    const hand = new Hand();
    const stop = new AbortController();
    const over = new AbortController();
    let isLate = false;
    void clock.sleep(LONGEST_PASS, AbortSignal.any([signal, over.signal])).then(() => {
      isLate = !signal.aborted && !over.signal.aborted;
      if (isLate) stop.abort();
    });
    const meant: Set<string> | undefined = deferred;
    const left = new Set<string>();
    const stayedBefore = staying.size;
    const isFirst = deferred === undefined && !isContinued;
    const swept = await pass(AbortSignal.any([signal, stop.signal]), (message, letter) => {
      const { id } = letter;
      // It was acted on before; only its acknowledgement was lost.
      if (settled.has(id)) return 'remove';
      if (stop.signal.aborted || !isMeant(message, letter) || meant?.has(id) === false) return 'keep';
      // In a pass that goes on where the time ran out, it may be one that has come back.
      if (isContinued && letter.deadAt > began) return 'keep';
      if (!isFirst && staying.has(id)) return 'keep';
      const stay = (problem: Problem): Disposition => {
        staying.add(id);
        total.faults.add(problem);
        return 'keep';
      };
      const useless = sift?.(message, letter);
      if (useless !== undefined) return stay(useless);
      if (!hand.takes(message)) {
        left.add(id);
        return 'keep';
      }
      // Only this letter was asked for: the caller need not wait for a look at all those behind it.
      // But where its body is kept, that must not be removed while another letter needs it.
      if (isOne && keptBodyOf(message) === undefined) stop.abort();
      return problemIn(doTo(message, letter)).then((problem): Disposition => {
        hand.puts(message);
        if (problem !== undefined) return stay(problem);
        settled.add(id);
        total.done += 1;
        return 'remove';
      });
    }).finally(() => over.abort());
    if (isFirst) {
      total.looked += swept.looked;
      total.complete &&= swept.complete || stop.signal.aborted;
    }
    // A pass that ran out of time has not seen all of them, so the next one may act on any.
    deferred = isLate ? undefined : left;
    isContinued = isLate;
    const hasMoved = swept.removed > 0 || staying.size > stayedBefore;
    if (isLate && !hasMoved) total.complete = false;
    again = (hasMoved && (isLate || left.size > 0)) || (swept.removed > 0 && swept.surplus > 0);
  }
}

/** What cannot be sent stays, and holds up no other letter. */
const problemIn = (doing: Promise<Problem | undefined>): Promise<Problem | undefined> =>
  doing.catch((error: unknown) => {
    if (isUnsendable(error)) return problemOf(error);
    throw error;
  });

/** The letters that are being acted on at the same time. */
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
