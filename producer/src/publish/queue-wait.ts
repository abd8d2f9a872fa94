import type { Clock, Logger } from '@tributary/shared';

/** How long to wait before publishing to a queue that refused, in milliseconds; it doubles each time it refuses again. */
const FIRST_DELAY = 100;
const MAX_DELAY = 5_000;

/** Milliseconds after which people are told that a queue refuses. */
const TOLD_AFTER = 3_000;

/**
 * The wait for a queue that refuses messages, because it is full (its overflow is reject-publish) or cannot store them.
 * Sending them again at once would only keep the broker busy with refusing.
 */
export class QueueWait {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #sendAgain: () => void;
  readonly #stop = new AbortController();
  /** The queues that refuse, and since when, in milliseconds since the epoch. */
  readonly #refusing = new Map<string, number>();
  #delay = FIRST_DELAY;
  #waiting = false;

  /** @param sendAgain called when refused messages should be sent again */
  constructor({ clock, log }: { clock: Clock; log: Logger }, sendAgain: () => void) {
    this.#clock = clock;
    this.#log = log;
    this.#sendAgain = sendAgain;
  }

  /** Which queue has refused for some time, in words; undefined if none does. */
  get problem(): string | undefined {
    const long = this.#clock.monotonic() - TOLD_AFTER;
    const queues = [...this.#refusing].filter(([, since]) => since <= long).map(([queue]) => `"${queue}"`);
    if (queues.length === 0) return undefined;
    const what = `RabbitMQ refuses messages for queue ${queues.join(', ')}`;
    return `${what}: it has reached the length that a policy or an argument allows, or cannot store them; start consumers, or raise max-length`;
  }

  /** The queue refused. */
  async begin(queue: string): Promise<void> {
    if (!this.#refusing.has(queue)) this.#refusing.set(queue, this.#clock.monotonic());
    if (this.#waiting) return;
    this.#waiting = true;
    if (this.#delay === FIRST_DELAY) {
      this.#log.warn({ queue }, 'the queue refuses messages, it may be full; waiting for room in it');
    }
    await this.#clock.sleep(this.#delay, this.#stop.signal);
    this.#delay = Math.min(this.#delay * 2, MAX_DELAY);
    this.#waiting = false;
    this.#sendAgain();
  }

  /** The queue took a message. */
  over(queue: string): void {
    this.#refusing.delete(queue);
    this.#delay = FIRST_DELAY;
  }

  close(): void {
    this.#stop.abort();
  }
}
