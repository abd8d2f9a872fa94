import type { Clock, Logger } from '@tributary/shared';

/** A time before which an endpoint's API asked not to be asked again: it outlives the run in which the API said so. */
export class Pause {
  readonly #endpoint: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #until = 0;
  #told = false;
  #waiting = false;

  constructor(endpoint: string, clock: Clock, log: Logger) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#log = log;
  }

  /** Its end, in milliseconds since the epoch; undefined if there is none now. */
  get until(): number | undefined {
    return this.#until > this.#clock.now() ? this.#until : undefined;
  }

  /** Whether a run waits for its end before its first request. */
  get isWaiting(): boolean {
    return this.#waiting;
  }

  /** Takes over the pause that was stored, or none. */
  resume(until = 0): void {
    this.#until = until;
  }

  /** @returns whether that is later than was known */
  extend(until: number): boolean {
    if (until <= this.#until) return false;
    this.#until = until;
    this.#tell();
    return true;
  }

  /** Waits for its end. A run that a person asks for waits too: a request too early may make an API's pause longer. */
  async over(signal: AbortSignal): Promise<void> {
    const { until } = this;
    if (until === undefined) return;
    this.#tell();
    this.#waiting = true;
    await this.#clock.sleep(until - this.#clock.now(), signal);
    this.#waiting = false;
  }

  /** The API has answered a run: the next pause is told again. */
  succeeded(): void {
    this.#told = false;
  }

  /** Once, until a run succeeds. */
  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    const told = { endpoint: this.#endpoint, until: new Date(this.#until).toISOString() };
    this.#log.warn(told, 'the API asks not to be asked again before this time; the polling waits');
  }
}
