import type { Clock } from '@tributary/shared';

/** While it lasts, every request of a client is answered with 503. */
export class Outage {
  #until = 0;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Replaces an outage that still lasts; 0 seconds end it. */
  begin(seconds: number): void {
    this.#until = this.#clock.now() + seconds * 1_000;
  }

  /** 0 if there is no outage. */
  secondsLeft(): number {
    return Math.max(0, Math.ceil((this.#until - this.#clock.now()) / 1_000));
  }
}
