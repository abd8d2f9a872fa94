import {
  type Channel,
  type ConfirmChannel,
  connectBroker,
  describeError,
  type Logger,
  type RecoveringChannelModel,
  RetryableError,
} from '@tributary/shared';

/** What waits in a queue, and who takes from it. */
export interface QueueDepth {
  readonly messages: number;
  readonly consumers: number;
}

/** The dashboard's own connection to RabbitMQ. It comes back by itself; while it is away calls fail at once, and say so. */
export class Broker {
  #connection: RecoveringChannelModel | undefined;
  #connected = false;
  #looking: Promise<Channel> | undefined;

  constructor(
    private readonly options: { readonly urls: string; readonly connectionName: string; readonly log: Logger },
  ) {}

  get connected(): boolean {
    return this.#connected;
  }

  /** @throws FatalError for a URL that can never lead to a broker */
  async open(): Promise<void> {
    this.#connection = await connectBroker({
      ...this.options,
      onState: (connected) => {
        this.#connected = connected;
        this.#looking = undefined;
      },
    });
  }

  /**
   * A channel that the caller closes; its errors are those of the calls on it.
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
   * What waits in a queue, by declaring it passively: no management API is needed, and nothing is changed.
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

/** The queue does not exist. */
export const isMissing = (error: unknown): boolean => (error as { code?: unknown }).code === 404;

/** The broker has given an exclusive thing to somebody else. */
export const isLocked = (error: unknown): boolean => (error as { code?: unknown }).code === 405;

export function asRetryable(error: unknown): RetryableError {
  if (error instanceof RetryableError) return error;
  return new RetryableError('broker_away', `RabbitMQ did not do it: ${describeError(error)}`, { cause: error });
}
