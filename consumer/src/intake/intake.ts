import type { Clock } from '@tributary/shared';
import type { Channel } from 'amqplib';
import { type Delivery, Settler } from './settle.js';

/** As many deliveries as are judged together: enough to share a round trip to Redis, few enough to keep it short. */
const MICRO_BATCH = 256;

/** How long a row that another consumer holds is left to that one before it is asked for again. */
const BUSY_DELAY = 250;

/** Deliveries of one queue, as they come: an async iterable of micro-batches, bounded by the channel's prefetch. */
export class Intake implements AsyncIterable<Delivery[]> {
  readonly settler: Settler;
  #buffer: Delivery[] = [];
  #busy: Delivery[] = [];
  readonly #over = new AbortController();
  #wake: (() => void) | undefined;
  #consumerTag: string | undefined;

  constructor(
    private readonly channel: Channel,
    private readonly clock: Clock,
    /** As many deliveries as the broker gives out before it waits for an acknowledgement. */
    private readonly prefetch: number,
  ) {
    this.settler = new Settler(channel, clock, prefetch, () => this.#buffer.length === 0, this.#over.signal);
  }

  /**
   * Begins to consume.
   * @param onCancel the broker has cancelled the consumer (its queue was deleted or moved): a null delivery
   */
  async start(queue: string, consumerTag: string, onCancel: () => void): Promise<void> {
    await this.channel.prefetch(this.prefetch);
    const { consumerTag: tag } = await this.channel.consume(
      queue,
      (message) => {
        if (message === null) return onCancel();
        this.#buffer.push(this.settler.track(message, this.clock.now()));
        this.#wake?.();
      },
      { consumerTag },
    );
    this.#consumerTag = tag;
  }

  /** Takes a delivery in again after a while: somebody else is at the same row. */
  putBack(delivery: Delivery): void {
    this.#busy.push(delivery);
    if (this.#busy.length > 1) return;
    void this.clock.sleep(BUSY_DELAY, this.#over.signal).then(() => {
      this.#buffer.push(...this.#busy.splice(0));
      this.#wake?.();
    });
  }

  /** Asks the broker for no more. What came already is still given out. */
  async cancel(): Promise<void> {
    if (this.#consumerTag !== undefined) await this.channel.cancel(this.#consumerTag);
  }

  /** Ends the iteration at once. What was not given out stays unacknowledged, and comes again. */
  end(): void {
    this.#over.abort();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Delivery[]> {
    while (!this.#over.signal.aborted) {
      if (this.#buffer.length > 0) yield this.#buffer.splice(0, MICRO_BATCH);
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
