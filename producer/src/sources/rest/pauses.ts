import type { Clock } from '@tributary/shared';

/**
 * Until when an API asked not to be asked again. A rate limit is of an account at a host: it counts for every endpoint that asks
 * the same host with the same credentials, since each request more would only make it longer.
 */
export class Pauses {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param until milliseconds since the epoch */
  hold(account: string, until: number): void {
    this.#until.set(account, Math.max(until, this.#until.get(account) ?? 0));
  }

  /** The end of the pause in milliseconds since the epoch; undefined if there is none now. */
  endOf(account: string): number | undefined {
    const until = this.#until.get(account);
    if (until !== undefined && until > this.#clock.now()) return until;
    this.#until.delete(account);
    return undefined;
  }

  /** Resolves when the account is not paused, or the signal has aborted. */
  async over(account: string, signal: AbortSignal): Promise<void> {
    for (let until = this.endOf(account); until !== undefined && !signal.aborted; until = this.endOf(account)) {
      await this.#clock.sleep(until - this.#clock.now(), signal);
    }
  }
}
