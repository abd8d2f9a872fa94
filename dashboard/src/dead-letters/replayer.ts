import {
  type ConfirmChannel,
  type ConsumeMessage,
  closeChannel,
  DEAD_LETTER_HEADERS,
  describeBrokerError,
  REPLAY_HEADER,
  RetryableError,
} from '@tributary/shared';
import type { Message } from 'amqplib';
import type { Broker } from './broker.js';

/** Holds the replay's number, so that a message that RabbitMQ returns can be told from the others. */
const MARK = REPLAY_HEADER;

const OURS: ReadonlySet<string> = new Set<string>([...Object.values(DEAD_LETTER_HEADERS), 'tributary-copy', MARK]);

/**
 * Headers in which RabbitMQ describes dead-lettering and deliveries: they are true of the old message only. And those by which
 * it would route a copy elsewhere.
 */
const BROKERS = /^(x-(death|first-death-|last-death-|delivery-count|acquired-count)|B?CC$)/;

/** Publishes dead letters to the exchange that records come from. */
export class Replayer {
  readonly #channel: ConfirmChannel;
  readonly #exchange: string;
  /** The numbers of replays that no queue took. */
  readonly #returned = new Set<number>();
  /** Reject the replays that are not confirmed yet. */
  readonly #waiting = new Set<(error: Error) => void>();
  #replays = 0;
  /** Why a replay is not confirmed, if the channel closes before. */
  #end = 'RabbitMQ went away before it had confirmed a replay';
  #code = 'broker_away';

  private constructor(channel: ConfirmChannel, exchange: string) {
    this.#channel = channel;
    this.#exchange = exchange;
    channel.on('return', ({ properties }: Message) => this.#returned.add(Number(properties.headers?.[MARK])));
    channel.on('error', (error: Error) => {
      this.#end = `RabbitMQ did not take a replay: ${describeBrokerError(error)}`;
      this.#code = 'replay_refused';
    });
    channel.once('close', () => {
      for (const reject of this.#waiting) reject(new RetryableError(this.#code, this.#end));
    });
  }

  static async open(broker: Broker, exchange: string): Promise<Replayer> {
    return new Replayer(await broker.confirmChannel(), exchange);
  }

  /**
   * Publishes a letter as it was, or with another body, under its own message id. So a second replay of it is a duplicate by
   * content, and the replay of a record that has a newer version by now is stale. Resolves when the broker has it on disk.
   *
   * @throws RetryableError if the broker did not take it: the dead letter must stay
   */
  replay(message: ConsumeMessage, entity: string, body: Buffer = message.content): Promise<void> {
    const { messageId, type, appId, timestamp, contentType, contentEncoding, priority, correlationId } =
      message.properties;
    const { headers = {} } = message.properties;
    const replay = ++this.#replays;
    const kept = Object.entries(headers).filter(([name]) => !OURS.has(name) && !BROKERS.test(name));
    const options = {
      messageId,
      type,
      appId,
      timestamp,
      contentType,
      contentEncoding,
      priority,
      correlationId,
      persistent: true,
      mandatory: true,
      headers: { ...Object.fromEntries(kept), [MARK]: replay },
    };
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      this.#channel.publish(this.#exchange, entity, body, options, (failure: unknown) => {
        this.#waiting.delete(reject);
        if (this.#returned.delete(replay)) {
          const message = `no queue takes records of ${entity} from exchange ${this.#exchange}: start a consumer or a producer, which declare it`;
          return reject(new RetryableError('replay_unroutable', message));
        }
        if (failure instanceof Error && failure.message === 'channel closed') {
          return reject(new RetryableError(this.#code, this.#end));
        }
        if (failure) {
          return reject(
            new RetryableError('replay_refused', `RabbitMQ takes no more records of ${entity} now`, { cause: failure }),
          );
        }
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    await closeChannel(this.#channel).catch(() => {});
  }
}
