import type { PoisonError } from '@tributary/shared';
import type { Delivery } from '../intake/settle.js';

/** Asked of a letter that could not be put there at once: its key may have been erased meanwhile. */
export interface Late {
  /** Whether its record must not lie with the dead letters. */
  mustNotLie(): Promise<boolean>;
  /** Acknowledges its message. */
  forget(): void;
}

/** A message that can never succeed, on its way to the dead letters. Until it is there, it is held here, not acknowledged. */
export interface Letter {
  readonly delivery: Delivery;
  /** The queue that it came from. */
  readonly queue: string;
  readonly error: PoisonError;
  /** Called when it is there; false if the same record lies there already. */
  readonly onBuried: (isNew: boolean) => void;
  readonly late: Late | undefined;
  /** When it was last known that it may lie there, by the clock that is never set. */
  judgedAt: number;
  /** The number of its copy. */
  readonly copy: number;
  /** How often the broker closed the channel for it alone. */
  strikes: number;
  /** The copy cannot be sent as it is: it goes without what the original had, and its body is kept with the output. */
  isBare: boolean;
  /** Where its body is kept, if that is not in the letter. */
  kept: { readonly id: string; readonly where: string } | undefined;
  /** Why it could not be put there at the last attempt, if that was for a reason of its own. */
  failure: string | undefined;
}

/** The letters that are not buried yet, bounded by callers that await `room`. */
export class HeldLetters {
  readonly #most: number;
  readonly #mostBytes: number;
  readonly #held = new Set<Letter>();
  readonly #counts = new Map<string, number>();
  #bytes = 0;
  #waiting: (() => void)[] = [];
  #isOver = false;

  /**
   * @param most letters of one queue; they count against the prefetch of the queue's consumer, so it is less than that
   * @param mostBytes bytes of the bodies of all queues
   */
  constructor(most: number, mostBytes: number) {
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  get size(): number {
    return this.#held.size;
  }

  /** By queue, how many are held. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  add(letter: Letter): void {
    this.#held.add(letter);
    this.#bytes += letter.delivery.message.content.length;
    this.#counts.set(letter.queue, (this.#counts.get(letter.queue) ?? 0) + 1);
  }

  delete(letter: Letter): void {
    if (!this.#held.delete(letter)) return;
    this.#bytes -= letter.delivery.message.content.length;
    this.#counts.set(letter.queue, (this.#counts.get(letter.queue) ?? 1) - 1);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The oldest letter of a queue. */
  oldest(queue: string): Letter | undefined {
    for (const letter of this.#held) if (letter.queue === queue) return letter;
    return undefined;
  }

  isFull(queue: string): boolean {
    return (this.#counts.get(queue) ?? 0) >= this.#most || this.#bytes >= this.#mostBytes;
  }

  /** Undefined while more letters of the queue may be held; otherwise a promise that resolves when that is so, or at the end. */
  room(queue: string): Promise<void> | undefined {
    return this.isFull(queue) && !this.#isOver ? this.#untilRoom(queue) : undefined;
  }

  /** Nobody waits for room any more. */
  end(): void {
    this.#isOver = true;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #untilRoom(queue: string): Promise<void> {
    while (this.isFull(queue) && !this.#isOver) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
