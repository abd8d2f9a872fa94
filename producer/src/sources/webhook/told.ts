import { type Clock, count, type Logger } from '@tributary/shared';
import type { Refused } from './refused.js';

/** Milliseconds for which the same refusal is counted, and not told again: a stranger must not fill the log. */
const QUIET = 60_000;

/** Tells people of requests that were refused. */
export class Told {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By endpoint and outcome. */
  readonly #last = new Map<string, { at: number; more: number }>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  refused(endpoint: string, refused: Refused, address: string): void {
    const { outcome, message, inside } = refused;
    const key = `${endpoint} ${outcome}`;
    const last = this.#last.get(key);
    const now = this.#clock.monotonic();
    if (last !== undefined && now - last.at < QUIET) {
      last.more += 1;
      return;
    }
    const more = last?.more ?? 0;
    this.#last.set(key, { at: now, more: 0 });
    const before = more === 0 ? '' : ` (and ${count(more, 'other')} since this was last told)`;
    this.#log.warn({ endpoint, outcome, from: address, reason: inside ?? message }, `an event was refused${before}`);
  }
}
