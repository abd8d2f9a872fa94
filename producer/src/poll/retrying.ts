import type { Clock } from '@tributary/shared';
import type { PollMetrics } from '../metrics.js';

/** Requests of a poll in progress that failed and are tried again. Times are milliseconds since the epoch. */
export interface Retrying {
  /** The endpoint that gets no answer: that of the poll, or a child of it. */
  readonly endpoint: string;
  /** When the first attempt failed. */
  readonly since: number;
  /** Attempts that failed since then. */
  readonly attempts: number;
  /** Why the last of them failed. */
  readonly code: string;
  readonly reason: string;
  /** When the next attempt begins. */
  readonly nextAt: number;
}

/**
 * Knows which requests of one poll are being tried again. An outage of an API is told while it lasts, and not only when the poll has
 * used up all its attempts, which may take minutes.
 */
export class RetryWatch {
  readonly #metrics: Pick<PollMetrics, 'retrying'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #retrying = new Map<string, Retrying>();
  /** How many requests of an endpoint are tried again at the same time. */
  readonly #requests = new Map<string, number>();

  constructor(metrics: Pick<PollMetrics, 'retrying'>, clock: Pick<Clock, 'now'>) {
    this.#metrics = metrics;
    this.#clock = clock;
  }

  /** The endpoint that has got no answer for the longest time; undefined if none is asked again. */
  get current(): Retrying | undefined {
    return [...this.#retrying.values()].sort((a, b) => a.since - b.since)[0];
  }

  /** @param isFirst whether it is the first attempt of its request */
  failed(endpoint: string, failure: Pick<Retrying, 'code' | 'reason' | 'nextAt'>, isFirst: boolean): void {
    const { since = this.#clock.now(), attempts = 0 } = this.#retrying.get(endpoint) ?? {};
    this.#retrying.set(endpoint, { endpoint, since, attempts: attempts + 1, ...failure });
    if (isFirst) this.#requests.set(endpoint, (this.#requests.get(endpoint) ?? 0) + 1);
    this.#metrics.retrying.set({ endpoint }, attempts + 1);
  }

  /** A request that was tried again was answered, or is given up. */
  settled(endpoint: string): void {
    const left = (this.#requests.get(endpoint) ?? 1) - 1;
    this.#requests.set(endpoint, left);
    if (left <= 0) this.#forget(endpoint);
  }

  /** The poll has ended. */
  over(): void {
    for (const endpoint of this.#retrying.keys()) this.#forget(endpoint);
  }

  #forget(endpoint: string): void {
    this.#retrying.delete(endpoint);
    this.#requests.delete(endpoint);
    this.#metrics.retrying.set({ endpoint }, 0);
  }
}
