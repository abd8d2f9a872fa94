import {
  applyTopology,
  type Clock,
  connectionsEnd,
  DECLARE_AGAIN,
  describeBrokerError,
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
  /** A channel is open, and the topology is declared. */
  opened(channel: PublishChannel): void;
  /** The channel is closed, and answers that had not come never will; `reason` is the broker's, if it gave one. */
  closed(reason: Error | undefined): void;
  /** No channel can be opened: a person must act, or the broker keeps refusing. */
  failed(error: FatalError | RetryableError): void;
}

/** How many times in a row the broker may close a channel on which it has confirmed nothing. */
const MAX_STRIKES = 5;

/**
 * RabbitMQ before 4 writes the name of a new quorum queue to disk up to a second late. If it is killed before that, it comes
 * back with the queue empty and without a leader, also if it had confirmed messages (github.com/rabbitmq/ra/pull/443). So
 * nothing is published in the second after queues were declared. In milliseconds.
 */
const SETTLE_TIME = 1_100;

/** Keeps one confirm channel open: it opens a new one after each reconnect, and each time the broker closes it. */
export class ConfirmChannelKeeper {
  readonly #options: ConfirmChannelOptions;
  readonly #user: ChannelUser;
  readonly #stop = new AbortController();
  /** The connection on which queues have settled. After a reconnect the server may have lost them. */
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

  /** The broker answers, so earlier failures no longer count. */
  works(): void {
    this.#strikes = 0;
    this.#lastReason = '';
  }

  /** Opens no more channels. The connection is closed by the caller that made it. */
  close(): void {
    this.#stop.abort();
  }

  /** Opens a channel whenever none is open. Never rejects. */
  async keepOpen(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#useChannel();
      } catch (error) {
        const isAgain = error instanceof RetryableError && error.code === DECLARE_AGAIN;
        if (!signal.aborted && !isAgain) this.#strike(error);
      }
      // It waits a moment even after no failure: amqplib needs it to notice that a connection is closed.
      await this.#options.clock.sleep(Math.min(25 * 2 ** this.#strikes, 5_000), signal);
    }
  }

  /**
   * Opens a channel and waits until it closes.
   * @throws the reason why the broker refused or closed it
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
    // Declared for each channel, not once for each connection: deleting a queue or exchange closes only the channel.
    await applyTopology(channel, topology);
    await this.#letQueuesSettle(channel);
    if (open) {
      this.#settledOn = channel.connection;
      this.#problem = undefined;
      this.#user.opened(channel);
    }
    await closed;
    const end = connectionsEnd(channel);
    if (end !== undefined) this.#problem = `RabbitMQ is not connected: ${describeBrokerError(end)}`;
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
    const reason = describeBrokerError(error);
    if (reason !== this.#lastReason)
      log.warn({ reason }, 'RabbitMQ refuses the channel for publishing; opening another');
    this.#lastReason = reason;
    this.#problem = error instanceof FatalError ? reason : `RabbitMQ refuses the channel for publishing: ${reason}`;
    if (error instanceof FatalError) {
      this.#user.failed(error);
    } else if (this.#strikes >= MAX_STRIKES) {
      this.#user.failed(
        new RetryableError('broker_refuses', `RabbitMQ keeps closing the channel for publishing: ${reason}`, {
          cause: error,
        }),
      );
    }
  }
}
