import { type HttpRequest, identityOf } from '../request.js';

/**
 * Detects paging that goes in circles: a cursor that does not move, or a page that leads back to an earlier one. It keeps
 * one request, not all of them (Brent's cycle detection), so its memory does not grow with the number of pages.
 */
export class LoopGuard {
  #remembered: string;
  #steps = 0;
  #limit = 1;

  constructor(first: HttpRequest) {
    this.#remembered = identityOf(first);
  }

  /** Whether `next` was asked for before. A circle of n pages is detected within a few rounds. */
  isLoop(current: HttpRequest, next: HttpRequest): boolean {
    const identity = identityOf(next);
    if (identity === identityOf(current) || identity === this.#remembered) return true;
    this.#steps += 1;
    if (this.#steps === this.#limit) {
      this.#steps = 0;
      this.#limit *= 2;
      this.#remembered = identity;
    }
    return false;
  }
}
