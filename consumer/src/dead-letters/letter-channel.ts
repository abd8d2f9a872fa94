import {
  adviceOnOlderQueues,
  applyTopology,
  type Clock,
  type Closable,
  closeAmqp,
  connectionsEnd,
  DECLARE_AGAIN,
  type DeclaringChannel,
  describeBrokerError,
  interruptible,
  type Logger,
  RetryableError,
  type Topology,
} from '@tributary/shared';
import type { BrokerProperties } from '../intake/channel.js';
import type { CopyOptions } from './copy.js';

/** What dead letters need of a channel to the broker. A confirm channel of amqplib fits. */
export interface DeadLetterChannel {
  /** amqplib's connection, which knows the size of a frame. */
  readonly connection?: object;
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

/** A channel that is kept open for dead letters. */
export type LetterChannel = DeadLetterChannel & DeclaringChannel & Closable & ClosingChannel;

interface ClosingChannel {
  /** The broker closes the channel, for this reason; `close` follows. */
  on(event: 'error', listener: (reason: Error) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
}

/** A connection to the broker, as dead letters need it. */
export interface LetterBroker {
  /** Waits for as long as the broker is away, and for as long as it blocks the connection. */
  createConfirmChannel(): Promise<LetterChannel>;
}

export interface ChannelKeeperOptions {
  readonly broker: LetterBroker;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly log: Logger;
  /** A channel is open, and the topology is declared. No letters lie there for the queues that are `empty`. */
  readonly onOpen: (channel: LetterChannel, empty: readonly string[]) => void;
  /** The channel is closed, and no more confirms come on it. */
  readonly onClosed: (reason: Error | undefined) => void;
}

/** Milliseconds that closing a channel may take. A broker that blocks the connection does not answer. */
const CLOSE_TIMEOUT = 1_000;

/** Milliseconds between two attempts, at most. */
const LONGEST_DELAY = 5_000;

/**
 * Keeps one channel open for the letters of a session. A channel that the broker closes is opened again, and does not end the
 * session: records go on while letters wait.
 */
export class LetterChannelKeeper {
  readonly #options: ChannelKeeperOptions;
  readonly #stop = new AbortController();
  readonly #opened: Promise<void>;
  #isOpened = () => {};
  #channel: LetterChannel | undefined;
  #failures = 0;
  #problem: string | undefined = 'RabbitMQ has not opened a channel for dead letters yet';

  constructor(options: ChannelKeeperOptions) {
    this.#options = options;
    this.#opened = new Promise((resolve) => {
      this.#isOpened = resolve;
    });
    void this.#keepOpen();
  }

  /** Why there is no channel, in words; undefined while there is one. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Resolves when the first channel is open. */
  get opened(): Promise<void> {
    return this.#opened;
  }

  /** The broker takes letters, so earlier failures no longer count. */
  works(): void {
    this.#failures = 0;
  }

  /** Replaces the channel by a new one. */
  renew(): void {
    if (this.#channel !== undefined) closeAmqp(this.#channel).catch(() => {});
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const channel = this.#channel;
    if (channel !== undefined) {
      await interruptible(closeAmqp(channel), AbortSignal.timeout(CLOSE_TIMEOUT)).catch(() => {});
    }
  }

  async #keepOpen(): Promise<void> {
    const { clock, log, topology } = this.#options;
    const { signal } = this.#stop;
    let last = '';
    while (!signal.aborted) {
      const reason = await this.#useChannel().catch((error: unknown) => error);
      if (signal.aborted) return;
      if (reason instanceof RetryableError && reason.code === DECLARE_AGAIN) {
        const advice = adviceOnOlderQueues(topology);
        if (advice !== undefined) log.warn(advice);
        continue;
      }
      this.#failures += 1;
      if (reason !== undefined) {
        const words = describeBrokerError(reason);
        this.#problem = words;
        if (words !== last)
          log.warn({ reason: words }, 'RabbitMQ closed or refused the channel for dead letters; opening another');
        last = words;
      }
      await clock.sleep(Math.min(25 * 2 ** this.#failures, LONGEST_DELAY), signal);
    }
  }

  /**
   * Opens a channel and waits until it closes.
   * @returns the broker's reason, if it gave one
   * @throws the reason why it cannot be opened
   */
  async #useChannel(): Promise<unknown> {
    const { broker, topology, onOpen, onClosed } = this.#options;
    const opening = broker.createConfirmChannel();
    const channel = await interruptible(opening, this.#stop.signal).catch((error: unknown) => {
      // A channel that comes too late is closed.
      opening.then(closeAmqp).catch(() => {});
      throw error;
    });
    this.#channel = channel;
    let reason: Error | undefined;
    let isOpen = true;
    channel.on('error', (error) => {
      reason = error;
    });
    const closed = new Promise<void>((resolve) => {
      channel.on('close', () => {
        isOpen = false;
        this.#problem = 'the connection to RabbitMQ is lost';
        resolve();
      });
    });
    const empty = await applyTopology(channel, topology);
    if (isOpen && !this.#stop.signal.aborted) {
      this.#problem = undefined;
      onOpen(channel, empty);
      this.#isOpened();
    }
    await closed;
    const end = connectionsEnd(channel);
    if (end !== undefined) this.#problem = `the connection to RabbitMQ is lost: ${describeBrokerError(end)}`;
    this.#channel = undefined;
    onClosed(reason);
    return reason;
  }
}
