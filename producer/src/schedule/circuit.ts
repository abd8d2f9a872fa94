import { type Clock, FatalError, RetryableError } from '@tributary/shared';
import { REFUSED } from '../sources/port.js';

/**
 * The state of an endpoint: polled as usual (`closed`), not polled for a while after failures (`open`), or not polled for a
 * while because the API refuses its credentials (`refused`), which only a person can mend.
 */
export type CircuitState = 'closed' | 'open' | 'refused';

/** The state of a circuit, as it is stored. */
export interface CircuitMemory {
  readonly circuit: CircuitState;
  /** Failed runs in a row. */
  readonly failures: number;
  /** When one request may be tried, in milliseconds since the epoch; only while it is not closed. It is to be shown and stored. */
  readonly retryAt?: number | undefined;
}

/** Each failed trial doubles the pause, up to this many times the configured one. */
const MAX_FACTOR = 16;

const CLOSED: CircuitMemory = { circuit: 'closed', failures: 0 };

/** Stops polling an endpoint that keeps failing, for a while, and then tries one request. */
export class Circuit {
  readonly #settings: { readonly failures: number; readonly pause: number };
  readonly #clock: Clock;
  #memory: CircuitMemory = CLOSED;
  /** When one request may be tried, by the clock that is never set. */
  #retryAt = Number.NEGATIVE_INFINITY;

  /** @param settings after how many failed runs in a row it opens, and for how many milliseconds */
  constructor(settings: { readonly failures: number; readonly pause: number }, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  get memory(): CircuitMemory {
    return this.#memory;
  }

  /** Continues from the stored state, or starts anew. */
  resume(memory: CircuitMemory = CLOSED): void {
    const { circuit, failures, retryAt } = memory;
    // The clock of the producer that stored it may have been ahead, or this one may have been set back: never longer than its pause.
    const left = Math.min((retryAt ?? 0) - this.#clock.now(), this.#pauseAfter(failures, circuit === 'refused'));
    this.#memory = { circuit, failures, retryAt: retryAt === undefined ? undefined : this.#clock.now() + left };
    this.#retryAt = this.#clock.monotonic() + left;
  }

  /** Whether a run may begin. */
  get allows(): boolean {
    return this.#memory.circuit === 'closed' || this.#clock.monotonic() >= this.#retryAt;
  }

  /** Whether the next run is a trial: if its first request fails, it is not repeated. */
  get isTrial(): boolean {
    return this.#memory.circuit !== 'closed';
  }

  succeeded(): void {
    this.#memory = CLOSED;
  }

  /** @returns whether the state changed to `open` or `refused` */
  failed(error: unknown): boolean {
    const before = this.#memory;
    const failures = before.failures + 1;
    const refused = isRefusal(error);
    if (!refused && before.circuit === 'closed' && failures < this.#settings.failures) {
      this.#memory = { circuit: 'closed', failures };
      return false;
    }
    const pause = this.#pauseAfter(failures, refused);
    this.#memory = { circuit: refused ? 'refused' : 'open', failures, retryAt: this.#clock.now() + pause };
    this.#retryAt = this.#clock.monotonic() + pause;
    return before.circuit !== this.#memory.circuit;
  }

  #pauseAfter(failures: number, refused: boolean): number {
    const trials = Math.max(0, failures - (refused ? 1 : this.#settings.failures));
    return this.#settings.pause * Math.min(2 ** trials, MAX_FACTOR);
  }
}

/** Failures of the pipeline's own RabbitMQ. They say nothing of the API, and end when RabbitMQ is mended. So does what Redis refuses. */
const OF_THE_BROKER: ReadonlySet<string> = new Set([
  'topology_conflict',
  'broker_refuses',
  'unroutable',
  'publisher_closed',
]);

/** Whether a failure may be the API's. */
export function mayBeOfTheApi(error: unknown): boolean {
  if (error instanceof FatalError || error instanceof RetryableError) return !OF_THE_BROKER.has(error.code);
  return !(error instanceof Error && error.name === 'ReplyError');
}

export const isRefusal = (error: unknown): boolean =>
  (error instanceof FatalError || error instanceof RetryableError) && REFUSED.has(error.code);
