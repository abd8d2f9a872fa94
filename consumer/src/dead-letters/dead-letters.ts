import { DEAD_LETTER_HEADERS, type PoisonError, RetryableError } from '@tributary/shared';
import type { BrokerProperties } from '../intake/channel.js';
import type { Delivery } from '../intake/settle.js';

/** What dead letters need of a channel to the broker. A confirm channel of amqplib fits. */
export interface DeadLetterChannel {
  /** @param onConfirm called when the broker has taken the message, or with an error when it has not */
  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options: CopyOptions | undefined,
    onConfirm: (failure: unknown) => void,
  ): unknown;
  /** Tells of messages that the broker could not route. A message is returned before it is confirmed. */
  on(event: 'return', listener: (message: { readonly properties: BrokerProperties }) => void): unknown;
}

/** The properties of a dead letter: those of the original, and what makes it safe on its way. */
export interface CopyOptions extends BrokerProperties {
  readonly persistent?: boolean;
  readonly mandatory?: boolean;
}

/**
 * Remembers which records lie with the dead letters. An API that is polled in full sends the same bad record with every
 * poll, and one dead letter of it is enough. A record is noted after its letter is confirmed. If the note is lost, or the
 * consumer dies before it is made, one more letter is the only consequence.
 */
export interface Buried {
  /** Whether the same record was buried for the same reason. Always false for a record that a person has replayed. */
  has(delivery: Delivery, queue: string, error: PoisonError): Promise<boolean>;
  add(delivery: Delivery, queue: string, error: PoisonError): Promise<void>;
}

export interface DeadLettersOptions {
  /**
   * On a connection of its own. A broker that is short of memory stops reading from connections that publish, and the
   * acknowledgements on such a connection would wait too.
   */
  readonly channel: DeadLetterChannel;
  readonly exchange: string;
  readonly buried: Buried;
  readonly now: () => Date;
}

/** A header that numbers the copies, so that a copy that the broker could not route is told from the others. */
const COPY = 'tributary-copy';

/**
 * Moves messages that can never succeed to the dead letters: the original body and headers, unchanged, and the reason
 * beside them. The copy is confirmed before the original is acknowledged. So a crash in between repeats the copy, and
 * loses nothing.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #returned = new Set<number>();
  #copies = 0;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
    options.channel.on('return', ({ properties }) => this.#returned.add(Number(properties.headers?.[COPY])));
  }

  /**
   * @returns whether it was put there; false if the same record lies there for the same reason already
   * @throws RetryableError if the copy could not be put there; the original stays unacknowledged. `dead_letter_refused`: the
   *   queue is full, and may have room later. `dead_letter_unroutable`: the topology has to be declared again.
   */
  async bury(delivery: Delivery, queue: string, error: PoisonError): Promise<boolean> {
    const { buried } = this.#options;
    const isThere = await buried.has(delivery, queue, error);
    if (!isThere) {
      await this.#put(delivery, queue, error);
      await buried.add(delivery, queue, error);
    }
    delivery.ack();
    return !isThere;
  }

  #put(delivery: Delivery, queue: string, error: PoisonError): Promise<void> {
    const { channel, exchange } = this.#options;
    const copy = ++this.#copies;
    const options = this.#copyOptions(delivery, queue, error, copy);
    return new Promise((resolve, reject) => {
      channel.publish(exchange, queue, delivery.message.content, options, (failure: unknown) => {
        if (this.#returned.delete(copy)) {
          const message = `${queue}.dead is not bound to ${exchange}: the consumer declares it again when it begins again`;
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

  #copyOptions({ message }: Delivery, queue: string, error: PoisonError, copy: number): CopyOptions {
    const { headers, messageId, type, appId, timestamp, contentType, correlationId } = message.properties;
    return {
      messageId,
      type,
      appId,
      timestamp,
      contentType,
      correlationId,
      persistent: true,
      mandatory: true,
      headers: {
        ...headers,
        [DEAD_LETTER_HEADERS.code]: error.code,
        [DEAD_LETTER_HEADERS.reason]: error.message,
        ...(error.field === undefined ? {} : { [DEAD_LETTER_HEADERS.field]: error.field }),
        [DEAD_LETTER_HEADERS.queue]: queue,
        [DEAD_LETTER_HEADERS.deadAt]: this.#options.now().toISOString(),
        [COPY]: copy,
      },
    };
  }
}
