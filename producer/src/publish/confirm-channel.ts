import {
  applyTopology,
  type Clock,
  describeError,
  FatalError,
  type Logger,
  RetryableError,
  type Topology,
} from '@tributary/shared';
import type { PublishChannel, PublishConnection } from './channel.js';

export interface ConfirmChannelOptions {
  readonly connection: PublishConnection;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What publishes on the channel. */
export interface ChannelUser {
  /** There is a channel, and everything it needs is declared. */
  opened(channel: PublishChannel): void;
  /** It is gone, with every answer that had not come; `reason` is the broker's, if it had one. */
  closed(reason: Error | undefined): void;
  /** There is no channel to be had for now: a person must act, or the broker refuses again and again. */
  failed(error: FatalError | RetryableError): void;
}

/** So often in a row may the broker take a channel away, without having confirmed anything on it. */
const MAX_STRIKES = 5;

/**
 * RabbitMQ before 4 notes the name of a new quorum queue on disk up to a second late; killed before that, it comes back
 * with the queue empty and without a leader, whatever it had confirmed (github.com/rabbitmq/ra/pull/443). Whoever
 * declared the queues just now, nothing is entrusted to them in that second.
 */
const SETTLE_TIME = 1_100;

/** Keeps one confirm channel open for as long as it lives: a new one after each reconnect and each closing by the broker. */
export class ConfirmChannelKeeper {
  readonly #options: ConfirmChannelOptions;
  readonly #user: ChannelUser;
  readonly #stop = new AbortController();
  /** The connection on which queues have settled; on another, the server may be one that had lost them. */
  #settledOn: unknown;
  #strikes = 0;
  #lastReason = '';
  #problem: string | undefined = 'RabbitMQ is not connected';

  constructor(options: ConfirmChannelOptions, user: ChannelUser) {
    this.#options = options;
    this.#user = user;
  }

  /** Why there is no channel, in words; undefined while there is one. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The broker does its work: what went wrong before is forgiven. */
  works(): void {
    this.#strikes = 0;
    this.#lastReason = '';
  }

  /** Opens no more channels. The connection is closed by whoever made it. */
  close(): void {
    this.#stop.abort();
  }

  /** Opens a channel whenever there is none. Never rejects. */
  async keepOpen(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#useChannel();
      } catch (error) {
        if (!signal.aborted) this.#strike(error);
      }
      // Even without a strike it waits a moment: a connection that is just dying must be seen to be dead.
      await this.#options.clock.sleep(Math.min(25 * 2 ** this.#strikes, 5_000), signal);
    }
  }

  /**
   * Opens a channel and waits until it closes.
   * @throws what the broker had against it
   */
  async #useChannel(): Promise<void> {
    const { connection, topology } = this.#options;
    const channel = await connection.createConfirmChannel();
    let reason: Error | undefined;
    let open = true;
    channel.on('error', (error) => {
      reason = error;
    });
    const closed = new Promise<void>((resolve) => {
      channel.on('close', () => {
        open = false;
        this.#problem = 'RabbitMQ is not connected';
        resolve();
      });
    });
    // Here and not once per connection: a queue or exchange that someone deletes takes only the channel with it.
    await applyTopology(channel, topology);
    await this.#letQueuesSettle(channel);
    if (open) {
      this.#settledOn = channel.connection;
      this.#problem = undefined;
      this.#user.opened(channel);
    }
    await closed;
    this.#user.closed(reason);
    if (reason !== undefined) throw reason;
  }

  async #letQueuesSettle({ connection }: PublishChannel): Promise<void> {
    if (this.#settledOn === connection) return;
    const { product, version } = connection.serverProperties;
    if (product === 'RabbitMQ' && Number.parseInt(version, 10) < 4) {
      await this.#options.clock.sleep(SETTLE_TIME, this.#stop.signal);
    }
  }

  #strike(error: unknown): void {
    const { log } = this.#options;
    this.#strikes += 1;
    const reason = describeError(error);
    if (reason !== this.#lastReason)
      log.warn({ reason }, 'RabbitMQ refuses the channel for publishing; opening another');
    this.#lastReason = reason;
    if (error instanceof FatalError) {
      this.#problem = reason;
      this.#user.failed(error);
    } else if (this.#strikes >= MAX_STRIKES) {
      this.#user.failed(
        new RetryableError('broker_refuses', `RabbitMQ refuses to be published to: ${reason}`, { cause: error }),
      );
    }
  }
}
