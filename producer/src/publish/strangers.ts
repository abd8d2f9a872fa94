import { type Clock, count, type HeldOfQueue, type QueueLook } from '@tributary/shared';

/** Milliseconds for which a queue has had such a consumer before people are told: one that has just begun has said nothing yet. */
const TOLD_AFTER = 6_000;

/**
 * Finds out whether others than the consumers of this pipeline take records from its queues: another program, or a consumer that
 * hangs. What they hold does not land, and no service would say why.
 */
export class Strangers {
  readonly #clock: Clock;
  /** By queue, since when, by the clock that is never set. */
  readonly #since = new Map<string, number>();
  #problem: string | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In words; undefined if there are none. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * @param looks the queues with records that are not settled
   * @param held by queue, what each living consumer of this pipeline holds
   */
  look(looks: ReadonlyMap<string, QueueLook>, held: ReadonlyMap<string, readonly HeldOfQueue[]>): void {
    const now = this.#clock.monotonic();
    for (const queue of this.#since.keys()) if (!looks.has(queue)) this.#since.delete(queue);
    this.#problem = undefined;
    for (const [queue, { consumers }] of looks) {
      const strangers = consumers - (held.get(queue)?.length ?? 0);
      const since = this.#since.get(queue) ?? now;
      if (strangers <= 0) this.#since.delete(queue);
      else this.#since.set(queue, since);
      if (strangers <= 0 || now - since < TOLD_AFTER) continue;
      const what = `of ${count(consumers, 'consumer')} of queue "${queue}", ${strangers} ${strangers === 1 ? 'is' : 'are'} none of this pipeline's, or ${strangers === 1 ? 'hangs' : 'hang'}`;
      this.#problem ??= `${what}: the records that RabbitMQ has given to it land when it gives them back. Which one it is, is told by: rabbitmqctl list_consumers queue_name channel_pid consumer_tag`;
    }
  }
}
