import { FatalError, RetryableError } from '@tributary/shared';

/**
 * How an endpoint is: polled as usual (`closed`), left alone for a while after failures (`open`), or left alone because the
 * API refuses its credentials (`refused`), which only a person can mend.
 */
export type CircuitState = 'closed' | 'open' | 'refused';

/** What a circuit is, fit to be kept. */
export interface CircuitMemory {
  readonly circuit: CircuitState;
  /** Failed runs in a row. */
  readonly failures: number;
  /** When one request may be tried, in milliseconds since the epoch; only while it is not closed. */
  readonly retryAt?: number | undefined;
}

/** Each failed trial doubles the pause, up to this many times the configured one. */
const MAX_FACTOR = 16;

const CLOSED: CircuitMemory = { circuit: 'closed', failures: 0 };

/** Keeps an endpoint that fails again and again from being asked again and again. */
export class Circuit {
  readonly #settings: { readonly failures: number; readonly pause: number };
  #memory: CircuitMemory = CLOSED;

  /** @param settings after how many failed runs in a row it opens, and for how many milliseconds */
  constructor(settings: { readonly failures: number; readonly pause: number }) {
    this.#settings = settings;
  }

  get memory(): CircuitMemory {
    return this.#memory;
  }

  /** Goes on from what was kept, or as new. */
  resume(memory: CircuitMemory = CLOSED): void {
    const { circuit, failures, retryAt } = memory;
    this.#memory = { circuit, failures, retryAt };
  }

  /** Whether a run may begin. */
  allows(now: number): boolean {
    return this.#memory.circuit === 'closed' || now >= (this.#memory.retryAt ?? 0);
  }

  /** Whether the run that begins is a trial: its first request is not to be tried again. */
  get isTrial(): boolean {
    return this.#memory.circuit !== 'closed';
  }

  succeeded(): void {
    this.#memory = CLOSED;
  }

  /** @returns whether it was closed until now and is no more, or is for another reason */
  failed(error: unknown, now: number): boolean {
    const before = this.#memory;
    const failures = before.failures + 1;
    const refused = isRefusal(error);
    if (!refused && before.circuit === 'closed' && failures < this.#settings.failures) {
      this.#memory = { circuit: 'closed', failures };
      return false;
    }
    const trials = Math.max(0, failures - (refused ? 1 : this.#settings.failures));
    const pause = this.#settings.pause * Math.min(2 ** trials, MAX_FACTOR);
    this.#memory = { circuit: refused ? 'refused' : 'open', failures, retryAt: now + pause };
    return before.circuit !== this.#memory.circuit;
  }
}

/** 401 and 403: asking again as before can only lock the account (RFC 9110, sections 15.5.2 and 15.5.4). */
export const isRefusal = (error: unknown): boolean =>
  (error instanceof FatalError || error instanceof RetryableError) &&
  ['http_401', 'http_403', 'token_refused'].includes(error.code);
