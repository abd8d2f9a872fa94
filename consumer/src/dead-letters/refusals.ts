import type { Clock } from '@tributary/shared';
import type { Letter } from './letter.js';

/** Milliseconds before letters that were refused are sent again; it doubles each time. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 5_000;
/** A delay after which a refusal has lasted long. */
const LONG = 1_000;

interface Refusal {
  readonly letters: Letter[];
  delay: number;
  /** The letter that is sent again, to ask whether the queue takes letters by now. */
  readonly asked: Letter;
}

/** The letters of the queues that refuse letters: one is sent again from time to time, and the others when that one was taken. */
export class Refusals {
  readonly #clock: Clock;
  readonly #over: AbortSignal;
  readonly #send: (letters: readonly Letter[]) => void;
  readonly #onLong: () => void;
  readonly #refusals = new Map<string, Refusal>();

  /**
   * @param send called with letters that may be sent again
   * @param onLong called when a queue has refused for long
   */
  constructor(clock: Clock, over: AbortSignal, send: (letters: readonly Letter[]) => void, onLong: () => void) {
    this.#clock = clock;
    this.#over = over;
    this.#send = send;
    this.#onLong = onLong;
  }

  refuses(queue: string): boolean {
    return this.#refusals.has(queue);
  }

  /** Takes a letter whose queue refuses letters. @returns false if it may be sent */
  delays(letter: Letter): boolean {
    const refusal = this.#refusals.get(letter.queue);
    if (refusal === undefined || refusal.asked === letter) return false;
    refusal.letters.push(letter);
    return true;
  }

  /** The broker has refused the letter: its queue is full, or cannot store it. */
  refused(letter: Letter): void {
    const refusal = this.#refusals.get(letter.queue);
    if (refusal === undefined) {
      const begun: Refusal = { letters: [], delay: FIRST_DELAY, asked: letter };
      this.#refusals.set(letter.queue, begun);
      this.#askIn(letter.queue, begun);
    } else if (refusal.asked === letter) {
      if (refusal.delay >= LONG) this.#onLong();
      refusal.delay = Math.min(refusal.delay * 2, LONGEST_DELAY);
      this.#askIn(letter.queue, refusal);
    } else {
      refusal.letters.push(letter);
    }
  }

  /** Sends one letter again after a while. */
  later(letter: Letter): void {
    void this.#clock.sleep(LONGEST_DELAY / 2, this.#over).then(() => {
      if (!this.#over.aborted) this.#send([letter]);
    });
  }

  /** The queue has taken a letter. */
  over(queue: string): void {
    const refusal = this.#refusals.get(queue);
    if (refusal === undefined) return;
    this.#refusals.delete(queue);
    this.#send(refusal.letters);
  }

  #askIn(queue: string, refusal: Refusal): void {
    void this.#clock.sleep(refusal.delay, this.#over).then(() => {
      if (this.#over.aborted || this.#refusals.get(queue) !== refusal) return;
      this.#send([refusal.asked]);
    });
  }
}
