import { type Clock, RetryableError } from '@tributary/shared';
import type { Broker } from './broker.js';
import { allowedReturns } from './returns.js';

/**
 * A letter that was given back so often is published anew instead, also where no limit is near: one may be set at any time. With a lower
 * number letters would change places more often, because those that no pass came to are then before those published anew.
 */
const MOST_RETURNS = 5;

/** Milliseconds for which is believed what was found out: a policy may be changed. */
const BELIEVED = 600_000;
/** The same where nothing may be given back, so that a person who has changed it need not wait. */
const REFUSED = 10_000;

/** How often letters of each queue may be given back. */
export class ReturnLimits {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly allowed: number; readonly at: number }>();

  constructor(broker: Broker, clock: Clock) {
    this.#broker = broker;
    this.#clock = clock;
  }

  /**
   * Called while no other look at the queue goes on.
   * @returns after how many times a letter is published anew
   * @throws RetryableError if RabbitMQ drops each letter that is given back
   */
  async most(deadQueue: string): Promise<number> {
    const allowed = await this.#allowed(deadQueue);
    if (allowed === 0) {
      const message = `the letters of ${deadQueue} are not touched: a policy of RabbitMQ drops each that is given back (a delivery-limit of 0), and to look at them is to take them and to give them back. Set a limit of 1 or more, or none, and try again`;
      throw new RetryableError('dead_letters_limited', message);
    }
    // One less than allowed: if the process dies, RabbitMQ gives back what it held.
    return Math.min(MOST_RETURNS, allowed - 1);
  }

  async #allowed(deadQueue: string): Promise<number> {
    const known = this.#known.get(deadQueue);
    const age = this.#clock.monotonic() - (known?.at ?? Number.NEGATIVE_INFINITY);
    if (known !== undefined && age < (known.allowed === 0 ? REFUSED : BELIEVED)) return known.allowed;
    const ask = () => allowedReturns(this.#broker, deadQueue, this.#clock);
    // What is slow to come back looks as if it was dropped.
    const found = (await ask()) || (await ask());
    // Where it cannot be found out, what was allowed before is the best that is known.
    const allowed = found ?? known?.allowed ?? Number.POSITIVE_INFINITY;
    this.#known.set(deadQueue, { allowed, at: this.#clock.monotonic() });
    return allowed;
  }
}
