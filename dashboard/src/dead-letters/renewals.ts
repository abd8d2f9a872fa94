import { type Clock, type ConsumeMessage, RetryableError, within } from '@tributary/shared';
import type { Broker } from './broker.js';
import { isUnsendable, Replayer } from './replayer.js';

/** Milliseconds. While RabbitMQ has an alarm, it neither takes a letter nor refuses it. */
const PATIENCE = 5_000;

/**
 * A quorum queue processes some 32 acknowledgements at the same time, and forgets the others if the channel closes: their letters would be
 * there twice (measured with RabbitMQ 3.10). The first letter goes alone, because what RabbitMQ takes late is there twice as well.
 */
const TOGETHER = 16;

/** The letters that one sweep publishes anew to the end of their queue. */
export class Renewals {
  readonly #broker: Broker;
  readonly #deadQueue: string;
  readonly #clock: Clock;
  #opening: Promise<{ readonly broker: Broker; readonly replayer: Replayer }> | undefined;
  /** Those that are published together. */
  #batch: Promise<boolean>[] = [];
  /** Resolves when the batch before is there: letters keep their order. */
  #turn: Promise<unknown> = Promise.resolve();
  #most = 1;
  #refused = false;

  constructor(broker: Broker, deadQueue: string, clock: Clock) {
    this.#broker = broker;
    this.#deadQueue = deadQueue;
    this.#clock = clock;
  }

  /** Whether RabbitMQ did not take a letter. */
  get refused(): boolean {
    return this.#refused;
  }

  /** @returns whether the letter is there anew, so that the old one can be removed */
  renew(message: ConsumeMessage): Promise<boolean> {
    if (this.#batch.length === this.#most) {
      this.#turn = Promise.allSettled(this.#batch);
      this.#batch = [];
      this.#most = TOGETHER;
    }
    const renewed = this.#turn.then(() => !this.#refused && this.#publish(message));
    this.#batch.push(renewed);
    return renewed;
  }

  async close(): Promise<void> {
    // A connection that RabbitMQ does not read ends when the alarm does.
    const closing = this.#opening?.then(({ broker }) => broker.close()).catch(() => {});
    if (closing !== undefined && !this.#refused) await within(this.#clock, PATIENCE, closing);
  }

  async #open() {
    const broker = this.#broker.another();
    await broker.open();
    const until = this.#clock.monotonic() + PATIENCE;
    while (!broker.connected && this.#clock.monotonic() < until) await this.#clock.sleep(10);
    try {
      return { broker, replayer: await Replayer.open(broker, '') };
    } catch (error) {
      await broker.close();
      throw error;
    }
  }

  async #publish(message: ConsumeMessage): Promise<boolean> {
    this.#opening ??= this.#open();
    let isThere = false;
    const publishing = this.#opening
      .then(({ replayer }) => replayer.renew(message, this.#deadQueue))
      .then(() => {
        isThere = true;
      });
    try {
      await within(this.#clock, PATIENCE, publishing);
    } catch (error) {
      // It concerns this letter alone: it stays as it is.
      if (isUnsendable(error)) return false;
      if (!(error instanceof RetryableError) || error.code !== 'replay_refused') throw error;
    }
    publishing.catch(() => {});
    if (!isThere) this.#refused = true;
    return isThere;
  }
}
