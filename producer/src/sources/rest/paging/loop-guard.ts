import type { PageAddress } from './pager.js';

/**
 * Notices when paging goes in circles: a cursor that does not move, or pages that lead back to an earlier one. It
 * remembers one page, not all of them (Brent's cycle detection), so a run of a million pages costs it nothing.
 */
export class LoopGuard {
  #remembered: string;
  #steps = 0;
  #limit = 1;

  constructor(first: PageAddress) {
    this.#remembered = identityOf(first);
  }

  /** Whether going on to `next` is going in circles; a circle of n pages is noticed within a few rounds. */
  isLoop(current: PageAddress, next: PageAddress): boolean {
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

/** Equal for the same page. */
const identityOf = (page: PageAddress): string =>
  'address' in page
    ? page.address.href
    : Object.entries(page.values)
        .map(([name, value]) => `${name} ${value}`)
        .join(' ');
