import type { Broker } from '../broker.js';
import type { Message } from '../messages.js';

/** The number of unconfirmed messages that the producer allows. */
const WINDOW = 1_000;

/**
 * Publishes as fast as amqplib and the broker allow, with at most a window of unconfirmed messages.
 * @returns seconds from the first message to the last confirm
 * @throws the broker's refusal of a message
 */
export function publishBarely({ channel, topology }: Broker, messages: readonly Message[]): Promise<number> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let confirmed = 0;
    const started = performance.now();
    const onConfirm = (refusal: unknown) => {
      if (refusal) return reject(new Error('the broker refused a message', { cause: refusal }));
      confirmed += 1;
      if (confirmed === messages.length) resolve((performance.now() - started) / 1_000);
      // Refilled when half is confirmed, as in the producer: the socket gets many frames at a time.
      else if (sent - confirmed === WINDOW / 2) fill();
    };
    const fill = () => {
      while (sent - confirmed < WINDOW) {
        const message = messages[sent];
        if (message === undefined) return;
        sent += 1;
        channel.publish(topology.exchange, message.envelope.entity, message.body, message.options, onConfirm);
      }
    };
    fill();
  });
}
