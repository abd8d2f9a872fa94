import { interruptible, withTimeout } from '@tributary/shared';
import { ApiError, tooMany } from '../http/api-error.js';

/** How much of something is done at the same time, and how much waits for it. */
export interface Load {
  /** In words, several of them: `downloads`. */
  readonly what: string;
  readonly atOnce: number;
  readonly waiting: number;
}

/** Milliseconds that a request waits for its turn. */
const PATIENCE = 20_000;
/** Seconds after which a client that was sent away asks again. */
const AGAIN = 10;

interface Waiting {
  readonly share: string;
  readonly begin: () => void;
}

/**
 * The places for one kind of load. Those who find none free wait, in the order in which they came. One person, or one
 * address where nobody has shown a token, never has all places, nor more than half of those to wait at.
 */
export class Places {
  readonly #load: Load;
  readonly #patience: number;
  readonly #taken = new Map<string, number>();
  readonly #queue: Waiting[] = [];

  constructor(load: Load, patience = PATIENCE) {
    this.#load = load;
    this.#patience = patience;
  }

  get taken(): number {
    return [...this.#taken.values()].reduce((sum, one) => sum + one, 0);
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Whether somebody else would begin if this share gave a place back. */
  othersWait(share: string): boolean {
    return this.#queue.some((one) => one.share !== share);
  }

  /**
   * @param signal aborts when the client goes away: it gives up its place in the queue
   * @returns what gives the place back; it may be called twice
   * @throws ApiError (429, 503) if too many wait already, or for too long; the signal's reason if it aborts
   */
  async take(share: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#mayBegin(share)) return this.#occupy(share);
    const { what, waiting } = this.#load;
    const own = this.#queue.filter((one) => one.share === share).length;
    if (own >= Math.ceil(waiting / 2)) {
      throw tooMany('too_many_at_once', `${own} of your ${what} wait already`, AGAIN);
    }
    if (this.#queue.length >= waiting) throw this.#full(`${this.#queue.length} ${what} wait already`);
    return await this.#turn(share, signal);
  }

  async #turn(share: string, signal: AbortSignal): Promise<() => void> {
    const { promise: turn, resolve } = withResolvers<() => void>();
    const waiting = { share, begin: () => resolve(this.#occupy(share)) };
    this.#queue.push(waiting);
    const waits = withTimeout(signal, this.#patience);
    try {
      return await interruptible(turn, waits);
    } catch (error) {
      const place = this.#queue.indexOf(waiting);
      if (place >= 0) this.#queue.splice(place, 1);
      // The turn came at the moment at which the wait ended.
      else void turn.then((release) => release());
      if (!waits.aborted || signal.aborted) throw error;
      throw this.#full(`other ${this.#load.what} have not ended in ${this.#patience / 1_000} s`);
    }
  }

  #full(why: string): ApiError {
    return new ApiError(503, 'busy', `${why}; try again in ${AGAIN} s`, AGAIN);
  }

  #mayBegin(share: string): boolean {
    const { atOnce } = this.#load;
    return this.taken < atOnce && (this.#taken.get(share) ?? 0) < Math.max(1, atOnce - 1);
  }

  #occupy(share: string): () => void {
    this.#taken.set(share, (this.#taken.get(share) ?? 0) + 1);
    let mine = true;
    return () => {
      if (!mine) return;
      mine = false;
      const left = (this.#taken.get(share) ?? 1) - 1;
      if (left === 0) this.#taken.delete(share);
      else this.#taken.set(share, left);
      const next = this.#queue.findIndex((one) => this.#mayBegin(one.share));
      if (next >= 0) this.#queue.splice(next, 1)[0]?.begin();
    };
  }
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
