import { DEAD_LETTER_HEADERS, type PoisonError } from '@tributary/shared';
import type { ConfirmChannel } from 'amqplib';
import type { Delivery } from './settle.js';

/**
 * Moves a message that can never succeed to the dead letters: the original body and headers, untouched, and why beside
 * them. The copy is confirmed before the original is acknowledged, so a crash in between repeats it and loses nothing.
 */
export class DeadLetters {
  constructor(
    private readonly channel: ConfirmChannel,
    private readonly exchange: string,
    private readonly queue: string,
    private readonly now: () => Date,
  ) {}

  bury(delivery: Delivery, error: PoisonError): Promise<void> {
    const { content, properties } = delivery.message;
    const { headers, messageId, type, appId, timestamp, contentType, correlationId } = properties;
    const options = {
      ...{ messageId, type, appId, timestamp, contentType, correlationId },
      persistent: true,
      mandatory: true,
      headers: {
        ...headers,
        [DEAD_LETTER_HEADERS.code]: error.code,
        [DEAD_LETTER_HEADERS.reason]: error.message,
        ...(error.field === undefined ? {} : { [DEAD_LETTER_HEADERS.field]: error.field }),
        [DEAD_LETTER_HEADERS.queue]: this.queue,
        [DEAD_LETTER_HEADERS.deadAt]: this.now().toISOString(),
      },
    };
    return new Promise((resolve, reject) => {
      this.channel.publish(this.exchange, this.queue, content, options, (failure: unknown) => {
        if (failure) return reject(failure instanceof Error ? failure : new Error(String(failure)));
        delivery.ack();
        resolve();
      });
    });
  }
}
