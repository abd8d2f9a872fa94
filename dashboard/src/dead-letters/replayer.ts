import {
  type ConfirmChannel,
  type ConsumeMessage,
  closeAmqp,
  DEAD_LETTER_HEADERS,
  describeBrokerError,
  frameMaxOf,
  REPLAY_HEADER,
  RetryableError,
} from '@tributary/shared';
import type { Message } from 'amqplib';
import type { Broker } from './broker.js';
import { sendable } from './sendable.js';

/** Holds the replay's number, so that a message that RabbitMQ returns can be told from the others. */
const MARK = REPLAY_HEADER;

const OURS: ReadonlySet<string> = new Set<string>([...Object.values(DEAD_LETTER_HEADERS), 'tributary-copy', MARK]);

/**
 * Headers in which RabbitMQ describes dead-lettering and deliveries: they are true of the old message only. And those by which
 * it would route a copy elsewhere.
 */
const BROKERS = /^(x-(death|first-death-|last-death-|delivery-count|acquired-count)|B?CC$)/;

/** Those of them that must not be in a letter that is published again to its own queue. */
const COUNTED = /^(x-(delivery-count|acquired-count)|B?CC)$/;

const CUT = DEAD_LETTER_HEADERS.cut;

/** What was left out of a letter that could not be sent as it is, in words. */
type OnCut = (what: string, reason: string) => void;

const UNSENDABLE = 'letter_unsendable';

/** Whether it was thrown for a letter that this client cannot send: that concerns no other letter. */
export const isUnsendable = (error: unknown): error is RetryableError =>
  error instanceof RetryableError && error.code === UNSENDABLE;

/** Publishes dead letters: to the exchange that records come from, or to their own queue. */
export class Replayer {
  readonly #channel: ConfirmChannel;
  readonly #exchange: string;
  readonly #onCut: OnCut;
  /** The numbers of replays that no queue took. */
  readonly #returned = new Set<number>();
  /** Reject the replays that are not confirmed yet. */
  readonly #waiting = new Set<(error: Error) => void>();
  #replays = 0;
  /** Why a replay is not confirmed, if the channel closes before. */
  #end = 'RabbitMQ went away before it had confirmed a replay';
  #code = 'broker_away';

  private constructor(channel: ConfirmChannel, exchange: string, onCut: OnCut) {
    this.#onCut = onCut;
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
    const onCut: OnCut = (what, reason) =>
      broker.log.warn({ reason }, `one of the ${what} was sent without what RabbitMQ would not take`);
    return new Replayer(await broker.confirmChannel(), exchange, onCut);
  }

  /**
   * Publishes a letter as it was, or with another body, under its own message id. So a second replay of it is a duplicate by
   * content, and the replay of a record that has a newer version by now is stale. Resolves when the broker has it on disk.
   *
   * @throws RetryableError if the broker did not take it: the dead letter must stay
   */
  replay(message: ConsumeMessage, entity: string, body: Buffer = message.content): Promise<void> {
    const isKept = (name: string) => !OURS.has(name) && !BROKERS.test(name);
    return this.#publish(this.#exchange, entity, { ...message, content: body }, isKept, `records of ${entity}`);
  }

  /**
   * Publishes a dead letter to the end of its own queue, as it is as far as RabbitMQ and its client take it, so that RabbitMQ counts its deliveries anew. Resolves when the
   * broker has it on disk: then the old one may be removed.
   *
   * @throws RetryableError if the broker did not take it: the old one must stay
   */
  renew(message: ConsumeMessage, deadQueue: string): Promise<void> {
    // Straight to the queue: others may listen on the exchange of dead letters, to be told of new ones.
    return this.#publish('', deadQueue, message, (name) => !COUNTED.test(name), `letters on ${deadQueue}`);
  }

  #publish(
    exchange: string,
    routingKey: string,
    message: Pick<ConsumeMessage, 'content' | 'properties'>,
    isKept: (header: string) => boolean,
    what: string,
  ): Promise<void> {
    const replay = ++this.#replays;
    const { properties, headers, cut } = sendable(message, isKept, frameMaxOf(this.#channel));
    const told: Record<string, unknown> = { ...headers, [MARK]: replay };
    if (cut !== undefined) {
      this.#onCut(what, cut);
      // A record must not claim what only a letter says of itself.
      if (isKept(CUT)) told[CUT] = typeof headers[CUT] === 'string' ? `${headers[CUT]}; ${cut}` : cut;
    }
    const options = { ...properties, persistent: true, mandatory: true, headers: told };
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      const answered = (failure: unknown) => {
        this.#waiting.delete(reject);
        if (this.#returned.delete(replay)) {
          const message = `no queue takes ${what} from exchange "${exchange}": start a consumer or a producer, which declare it`;
          return reject(new RetryableError('replay_unroutable', message));
        }
        if (failure instanceof Error && failure.message === 'channel closed') {
          return reject(new RetryableError(this.#code, this.#end));
        }
        if (failure) {
          const message = `RabbitMQ takes no more ${what} now`;
          return reject(new RetryableError('replay_refused', message, { cause: failure }));
        }
        resolve();
      };
      try {
        this.#channel.publish(exchange, routingKey, message.content, options, answered);
      } catch (cause) {
        this.#waiting.delete(reject);
        reject(unsendable(cause, what));
      }
    });
  }

  async close(): Promise<void> {
    await closeAmqp(this.#channel).catch(() => {});
  }
}

/** amqplib throws on a channel that is closing, and for what it cannot encode. */
function unsendable(cause: unknown, what: string): RetryableError {
  const isClosing = cause instanceof Error && cause.name === 'IllegalOperationError';
  const words = `one of the ${what} cannot be sent: ${describeBrokerError(cause)}`;
  return new RetryableError(isClosing ? 'broker_away' : UNSENDABLE, words, { cause });
}
