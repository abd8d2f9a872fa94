import type { Clock, Logger } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';

/** A time before which an endpoint's API asked not to be asked again: it outlives the run in which the API said so. */
export class Pause {
  readonly #endpoint: string;
  /** The longest wait that is heeded, in milliseconds. */
  readonly #most: number;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Its end by the clock that is never set: set back by an hour, the time of day would make it an hour longer. */
  #end = Number.NEGATIVE_INFINITY;
  #told = false;
  #waiting = false;

  constructor({ id, maxRetryAfter }: Pick<Endpoint, 'id' | 'maxRetryAfter'>, clock: Clock, log: Logger) {
    this.#endpoint = id;
    this.#most = maxRetryAfter;
    this.#clock = clock;
    this.#log = log;
  }

  /** Its end, in milliseconds since the epoch; undefined if there is none now. */
  get until(): number | undefined {
    const { left } = this;
    return left > 0 ? Math.round(this.#clock.now() + left) : undefined;
  }

  /** Milliseconds until its end. */
  get left(): number {
    return Math.max(0, this.#end - this.#clock.monotonic());
  }

  /** Whether a run waits for its end before its first request. */
  get isWaiting(): boolean {
    return this.#waiting;
  }

  /** Takes over the pause that was stored, or none. Clocks may differ: it is never longer than an API's wait that is heeded. */
  resume(until?: number): void {
    this.#end = until === undefined ? Number.NEGATIVE_INFINITY : this.#endOf(until);
  }

  /** @returns whether that is later than was known */
  extend(until: number): boolean {
    const end = this.#endOf(until);
    if (end <= this.#end) return false;
    this.#end = end;
    this.#tell();
    return true;
  }

  #endOf(until: number): number {
    return this.#clock.monotonic() + Math.min(until - this.#clock.now(), this.#most);
  }

  /** Waits for its end. A run that a person asks for waits too: a request too early may make an API's pause longer. */
  async over(signal: AbortSignal): Promise<void> {
    const { left } = this;
    if (left === 0) return;
    this.#tell();
    this.#waiting = true;
    await this.#clock.sleep(left, signal);
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
    const told = { endpoint: this.#endpoint, until: new Date(this.until ?? this.#clock.now()).toISOString() };
    this.#log.warn(told, 'the API asks not to be asked again before this time; the polling waits');
  }
}
