import { type Clock, describeError, type Logger } from '@tributary/shared';
import type { Endpoint } from '../../endpoint.js';
import type { StateStore } from '../../schedule/states.js';

/** Milliseconds between two notes of an endpoint. */
const EVERY = 2_000;

export interface TakingsOptions {
  readonly states: StateStore;
  /** The producer's name. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Notes when events came last, and how many, where an endpoint is never polled: it has no other state to show. */
export class Takings {
  readonly #options: TakingsOptions;
  readonly #stop = new AbortController();
  readonly #gathered = new Map<string, { readonly startedAt: number; records: number }>();

  constructor(options: TakingsOptions) {
    this.#options = options;
  }

  /** So many records of events were confirmed. */
  took(endpoint: Endpoint, records: number): void {
    if (endpoint.isPolled) return;
    const gathered = this.#gathered.get(endpoint.id);
    if (gathered !== undefined) {
      gathered.records += records;
      return;
    }
    this.#gathered.set(endpoint.id, { startedAt: this.#options.clock.now(), records });
    void this.#note(endpoint);
  }

  close(): void {
    this.#stop.abort();
  }

  async #note(endpoint: Endpoint): Promise<void> {
    const { states, instance: producer, clock, log } = this.#options;
    await clock.sleep(EVERY, this.#stop.signal);
    const { startedAt = 0, records = 0 } = this.#gathered.get(endpoint.id) ?? {};
    this.#gathered.delete(endpoint.id);
    if (this.#stop.signal.aborted) return;
    const endedAt = clock.now();
    const counts = { records, published: records, failures: 0 };
    const times = { startedAt, endedAt, lastSuccessAt: endedAt, nextAt: null };
    states.save(endpoint, { producer, run: 0, circuit: 'closed', ...counts, ...times }).catch((error: unknown) => {
      log.debug({ endpoint: endpoint.id, reason: describeError(error) }, 'what was taken could not be noted');
    });
  }
}
