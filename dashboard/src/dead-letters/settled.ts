import type { Clock } from '@tributary/shared';

/** Milliseconds for which a letter is known to be settled: it is back at once, or not at all. */
const KNOWN = 600_000;
/** Letters that are known at most, some 100 bytes each. */
const MOST = 100_000;

/**
 * The letters that were replayed or discarded a moment ago, by id. RabbitMQ forgets acknowledgements that it has not processed when their
 * channel closes: such a letter is back for a moment, and another person who acts on the queue would do it again.
 */
export class Settled {
  readonly #clock: Clock;
  /** When each was settled, the oldest first. */
  readonly #at = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(id: string): boolean {
    const at = this.#at.get(id);
    return at !== undefined && this.#clock.monotonic() - at < KNOWN;
  }

  add(id: string): void {
    this.#at.delete(id);
    this.#at.set(id, this.#clock.monotonic());
    const [oldest] = this.#at.keys();
    if (this.#at.size > MOST && oldest !== undefined) this.#at.delete(oldest);
  }
}
