import { DEAD_LETTER_HEADERS, type PoisonError, RetryableError } from '@tributary/shared';
import type { ConfirmChannel, Message } from 'amqplib';
import type { Delivery } from '../intake/settle.js';
import type { Buried } from './buried.js';

/** Marks a copy on its way, so that one that the broker could not route is told from its neighbours. */
const COPY = 'tributary-copy';

/**
 * Moves messages that can never succeed to the dead letters: the original body and headers, untouched, and why beside
 * them. The copy is confirmed before the original is acknowledged, so a crash in between repeats it and loses nothing.
 *
 * @param channel on a connection of its own: a broker short of memory stops reading from connections that publish, and
 *   the acknowledgements on this one would wait too
 */
export class DeadLetters {
  #copies = 0;
  readonly #returned = new Set<number>();

  constructor(
    private readonly channel: ConfirmChannel,
    private readonly exchange: string,
    private readonly buried: Buried,
    private readonly now: () => Date,
  ) {
    channel.on('return', ({ properties }: Message) => this.#returned.add(Number(properties.headers?.[COPY])));
  }

  /**
   * @returns whether it was put there; false if the same record lies there with the same reason already
   * @throws RetryableError if the copy could not be put there; the original stays unacknowledged. `dead_letter_refused`: the
   *   queue is full, and may have room later. `dead_letter_unroutable`: the topology has to be declared again.
   */
  async bury(delivery: Delivery, queue: string, error: PoisonError): Promise<boolean> {
    const isThere = await this.buried.has(delivery, queue, error);
    if (!isThere) {
      await this.#put(delivery, queue, error);
      await this.buried.add(delivery, queue, error);
    }
    delivery.ack();
    return !isThere;
  }

  #put(delivery: Delivery, queue: string, error: PoisonError): Promise<void> {
    const { content, properties } = delivery.message;
    const { headers, messageId, type, appId, timestamp, contentType, correlationId } = properties;
    const copy = ++this.#copies;
    const options = {
      ...{ messageId, type, appId, timestamp, contentType, correlationId },
      persistent: true,
      mandatory: true,
      headers: {
        ...headers,
        [DEAD_LETTER_HEADERS.code]: error.code,
        [DEAD_LETTER_HEADERS.reason]: error.message,
        ...(error.field === undefined ? {} : { [DEAD_LETTER_HEADERS.field]: error.field }),
        [DEAD_LETTER_HEADERS.queue]: queue,
        [DEAD_LETTER_HEADERS.deadAt]: this.now().toISOString(),
        [COPY]: copy,
      },
    };
    return new Promise((resolve, reject) => {
      this.channel.publish(this.exchange, queue, content, options, (failure: unknown) => {
        if (this.#returned.delete(copy)) {
          const message = `${queue}.dead is not bound to ${this.exchange}: it is declared anew when the consumer begins anew`;
          return reject(new RetryableError('dead_letter_unroutable', message));
        }
        if (failure) {
          const message = `${queue}.dead takes no more messages`;
          return reject(new RetryableError('dead_letter_refused', message, { cause: failure }));
        }
        resolve();
      });
    });
  }
}
