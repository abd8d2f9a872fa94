import { type Clock, within } from '@tributary/shared';
import type { BrokerMessage, IntakeChannel } from './channel.js';
import type { Window } from './window.js';

/** Milliseconds within which the broker has to answer that another prefetch holds. Until then the queue gives nothing out. */
const ANSWERED_WITHIN = 30_000;

export interface SubscriptionOptions {
  readonly channel: IntakeChannel;
  readonly clock: Clock;
  readonly window: Window;
  readonly queue: string;
  /** Names the consumer for people. */
  readonly consumerTag: string;
  readonly onMessage: (message: BrokerMessage) => void;
  /** Called when the broker gives out nothing any more: it has cancelled the consumer, or does not let it begin again (why, if it says so). */
  readonly onCancel: (reason?: unknown) => void;
}

/**
 * The consumer of one queue. Where another prefetch fits the messages better, it is cancelled and begins again on the same channel: the
 * broker takes a prefetch for new consumers only, and quorum queues know none for a whole channel. What the cancelled one holds stays
 * with the channel, to be acknowledged.
 */
export class Subscription {
  readonly #options: SubscriptionOptions;
  /** The present consumer; undefined while there is none. */
  #tag: string | undefined;
  #begun = 0;
  #resizing: Promise<void> | undefined;
  #isOver = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  async begin(): Promise<void> {
    const { channel, window, queue, consumerTag, onMessage, onCancel } = this.#options;
    await channel.prefetch(window.size);
    this.#begun += 1;
    // A tag is used once: RabbitMQ would take a second consumer of its name for the first, which may still hold messages.
    const tag = this.#begun === 1 ? consumerTag : `${consumerTag} ${this.#begun}`;
    this.#tag = tag;
    const onDelivery = (message: BrokerMessage | null) => (message === null ? onCancel() : onMessage(message));
    await channel.consume(queue, onDelivery, { consumerTag: tag });
  }

  /** Takes note of a message, which may tell that another prefetch fits better. */
  took(records: number, bytes: number): void {
    if (!this.#options.window.add(records, bytes) || this.#resizing !== undefined || this.#isOver) return;
    const { clock, onCancel } = this.#options;
    let isDone = false;
    let reason: unknown = `no answer within ${ANSWERED_WITHIN / 1_000} s that another prefetch holds`;
    const done = this.#resize().then(() => {
      isDone = true;
    });
    this.#resizing = within(clock, ANSWERED_WITHIN, done)
      .catch((error: unknown) => {
        // The channel is closed, or the queue is gone.
        reason = error;
      })
      .then(() => {
        this.#resizing = undefined;
        if (!isDone && !this.#isOver) onCancel(reason);
      });
  }

  async #resize(): Promise<void> {
    const { channel, window } = this.#options;
    for (let told = Number.NaN; told !== window.size && !this.#isOver; ) {
      told = window.size;
      if (this.#tag !== undefined) await channel.cancel(this.#tag);
      this.#tag = undefined;
      if (!this.#isOver) await this.begin();
    }
  }

  /** Begins nothing new. */
  end(): void {
    this.#isOver = true;
  }

  /** Asks the broker for no more messages. */
  async cancel(): Promise<void> {
    this.end();
    await this.#resizing;
    if (this.#tag !== undefined) await this.#options.channel.cancel(this.#tag);
  }
}
