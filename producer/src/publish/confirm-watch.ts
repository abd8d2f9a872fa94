import type { Clock, Logger } from '@tributary/shared';
import type { QueueStats } from '../metrics.js';

/** Milliseconds between two looks, and without an answer after which people are told. */
const LOOK = 1_000;
const TOLD_AFTER = 5_000;

/**
 * Tells that RabbitMQ answers nothing to what was published to a queue. A quorum queue without a leader takes messages and never
 * confirms them, while the connection, the channel and the other queues work.
 */
export class ConfirmWatch {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stats: readonly QueueStats[];
  readonly #over = new AbortController();
  /** By queue, the answers so far, and since when there were no more. */
  readonly #seen = new Map<string, { readonly answers: number; readonly since: number }>();
  #silent: readonly string[] = [];
  #isWatching = false;

  constructor({ clock, log }: { clock: Clock; log: Logger }, stats: Iterable<QueueStats>) {
    this.#clock = clock;
    this.#log = log;
    this.#stats = [...stats];
  }

  /** Which queues have confirmed nothing for some time, in words; undefined if none is due. */
  get problem(): string | undefined {
    if (this.#silent.length === 0) return undefined;
    const queues = this.#silent.map((queue) => `"${queue}"`).join(', ');
    return `RabbitMQ has confirmed nothing for ${TOLD_AFTER / 1_000} s of what was published to queue ${queues}: ${REMEDY}`;
  }

  /** A message is on its way. */
  sent(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    void this.#watch().finally(() => {
      this.#isWatching = false;
    });
  }

  close(): void {
    this.#over.abort();
    this.#silent = [];
  }

  async #watch(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted && this.#stats.some(({ unconfirmed }) => unconfirmed > 0)) {
      this.#look();
      await this.#clock.sleep(LOOK, signal);
    }
    this.#seen.clear();
    this.#tell([]);
  }

  #look(): void {
    const now = this.#clock.monotonic();
    const silent: string[] = [];
    for (const { queue, unconfirmed, confirmed, rejected, returned } of this.#stats) {
      const answers = confirmed + rejected + returned;
      const seen = this.#seen.get(queue);
      if (unconfirmed === 0 || seen?.answers !== answers) this.#seen.set(queue, { answers, since: now });
      else if (now - seen.since >= TOLD_AFTER) silent.push(queue);
    }
    this.#tell(silent);
  }

  #tell(silent: readonly string[]): void {
    for (const queue of silent) {
      if (!this.#silent.includes(queue)) this.#log.warn({ queue }, `RabbitMQ confirms nothing: ${REMEDY}`);
    }
    for (const queue of this.#silent) {
      if (!silent.includes(queue)) this.#log.info({ queue }, 'RabbitMQ confirms messages again');
    }
    this.#silent = silent;
  }
}

const REMEDY =
  'it may have no leader (see "rabbitmq-queues quorum_status", and whether all nodes are up), its process may have died (restart its node), or its disk is slow; waiting';
