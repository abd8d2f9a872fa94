import {
  type Channel,
  type ConfirmChannel,
  connectBroker,
  describeBrokerError,
  type Logger,
  type RecoveringChannelModel,
  RetryableError,
} from '@tributary/shared';

/** How many messages wait in a queue, and how many consumers take from it. */
export interface QueueDepth {
  readonly messages: number;
  readonly consumers: number;
}

export interface BrokerOptions {
  /** One URL, or several with commas between them. */
  readonly urls: string;
  readonly connectionName: string;
  readonly log: Logger;
}

/** The dashboard's own connection to RabbitMQ. It reconnects by itself; while it is away, calls fail at once and say so. */
export class Broker {
  readonly #options: BrokerOptions;
  #connection: RecoveringChannelModel | undefined;
  #connected = false;
  #problem: string | undefined;
  /** The channel on which queues are looked at. */
  #looking: Promise<Channel> | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get log(): Logger {
    return this.#options.log;
  }

  /** Why RabbitMQ cannot be asked, in words; undefined if it can, or if the dashboard knows none. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** @throws FatalError for a URL that no broker can be reached by */
  async open(): Promise<void> {
    this.#connection = await connectBroker({
      ...this.#options,
      onState: (connected) => {
        this.#connected = connected;
        this.#looking = undefined;
      },
      onProblem: (problem) => {
        this.#problem = problem;
      },
    });
  }

  /**
   * Another connection, which the caller opens and closes. While it has an alarm, RabbitMQ reads nothing more of a connection that has
   * published, no matter on which channel.
   */
  another(): Broker {
    return new Broker(this.#options);
  }

  /**
   * A new channel, which the caller closes. Its errors are thrown by the calls on it.
   * @throws RetryableError if RabbitMQ is away
   */
  async channel(): Promise<Channel> {
    return quiet(await this.#connectionNow().createChannel());
  }

  /** As {@link channel}, with publisher confirms. */
  async confirmChannel(): Promise<ConfirmChannel> {
    return quiet(await this.#connectionNow().createConfirmChannel());
  }

  /**
   * Counts what waits in a queue by declaring it passively, which needs no management API and changes nothing.
   * @returns undefined if there is no such queue (yet)
   */
  async depth(queue: string): Promise<QueueDepth | undefined> {
    this.#looking ??= this.channel();
    try {
      const channel = await this.#looking;
      const { messageCount, consumerCount } = await channel.checkQueue(queue);
      return { messages: messageCount, consumers: consumerCount };
    } catch (error) {
      // The refusal has closed the channel; the next look opens another.
      this.#looking = undefined;
      if (isMissing(error)) return undefined;
      throw asRetryable(error);
    }
  }

  async close(): Promise<void> {
    await this.#connection?.close();
    this.#connection = undefined;
  }

  #connectionNow(): RecoveringChannelModel {
    if (this.#connection !== undefined && this.#connected) return this.#connection;
    throw new RetryableError('broker_away', 'RabbitMQ is not connected; try again when it is back');
  }
}

function quiet<T extends Channel>(channel: T): T {
  channel.on('error', () => {});
  return channel;
}

/** Whether the queue does not exist. */
export const isMissing = (error: unknown): boolean => (error as { code?: unknown }).code === 404;

/** Whether another connection has declared the queue as exclusive. */
export const isLocked = (error: unknown): boolean => (error as { code?: unknown }).code === 405;

export function asRetryable(error: unknown): RetryableError {
  if (error instanceof RetryableError) return error;
  return new RetryableError('broker_away', `RabbitMQ did not do it: ${describeBrokerError(error)}`, { cause: error });
}
