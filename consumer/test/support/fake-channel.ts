import type { BrokerMessage, IntakeChannel } from '../../src/intake/channel.js';
import { type Fields, messageOf } from './records.js';

/** A channel that records what it is asked for, and delivers what the test gives it. */
export class FakeChannel implements IntakeChannel {
  /** `3` for an acknowledgement of one delivery, `<=3` for one of all up to it. */
  readonly acks: string[] = [];
  prefetched = 0;
  consumed: { queue: string; consumerTag: string } | undefined;
  cancelled: string | undefined;
  isClosed = false;
  #callback: (message: BrokerMessage | null) => void = () => {};
  #lastTag = 0;

  async prefetch(count: number): Promise<void> {
    this.prefetched = count;
  }

  async consume(
    queue: string,
    callback: (message: BrokerMessage | null) => void,
    { consumerTag }: { consumerTag: string },
  ): Promise<{ consumerTag: string }> {
    this.consumed = { queue, consumerTag };
    this.#callback = callback;
    return { consumerTag };
  }

  async cancel(consumerTag: string): Promise<void> {
    this.cancelled = consumerTag;
  }

  ack({ fields: { deliveryTag } }: BrokerMessage, allUpTo = false): void {
    if (this.isClosed) throw Object.assign(new Error('Channel closed'), { name: 'IllegalOperationError' });
    this.acks.push(`${allUpTo ? '<=' : ''}${deliveryTag}`);
  }

  message(body: unknown = {}, messageId = 'm1', headers: Fields = {}): BrokerMessage {
    const message = messageOf(body, messageId, headers);
    return { ...message, fields: { deliveryTag: ++this.#lastTag } };
  }

  /** The broker delivers null when it cancels a consumer. */
  deliver(message: BrokerMessage | null = this.message()): void {
    this.#callback(message);
  }
}
