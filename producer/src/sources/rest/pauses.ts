import type { Clock } from '@tributary/shared';

/**
 * Until when an API asked not to be asked again. A rate limit is of an account at a host: it counts for every endpoint that asks
 * the same host with the same credentials, since each request more would only make it longer.
 */
export class Pauses {
  readonly #clock: Clock;
  /** The ends, by the clock that is never set: an account would stay held for an hour more if the time of day were set back. */
  readonly #ends = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param until milliseconds since the epoch */
  hold(account: string, until: number): void {
    const end = this.#clock.monotonic() + until - this.#clock.now();
    this.#ends.set(account, Math.max(end, this.#ends.get(account) ?? end));
  }

  /** The end of the pause in milliseconds since the epoch; undefined if there is none now. */
  endOf(account: string): number | undefined {
    const left = this.#leftOf(account);
    return left === 0 ? undefined : Math.round(this.#clock.now() + left);
  }

  /** Resolves when the account is not paused, or the signal has aborted. */
  async over(account: string, signal: AbortSignal): Promise<void> {
    for (let left = this.#leftOf(account); left > 0 && !signal.aborted; left = this.#leftOf(account)) {
      await this.#clock.sleep(left, signal);
    }
  }

  /** Milliseconds until the end of the pause; 0 if there is none now. */
  #leftOf(account: string): number {
    const left = (this.#ends.get(account) ?? 0) - this.#clock.monotonic();
    if (left > 0) return left;
    this.#ends.delete(account);
    return 0;
  }
}
