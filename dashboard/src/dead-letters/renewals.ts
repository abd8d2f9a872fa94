import { type Clock, type ConsumeMessage, RetryableError, within } from '@tributary/shared';
import type { Broker } from './broker.js';
import { Replayer } from './replayer.js';

/** Milliseconds. While RabbitMQ has an alarm, it neither takes a letter nor refuses it. */
const PATIENCE = 5_000;

/** The letters that one sweep publishes anew to the end of their queue. */
export class Renewals {
  readonly #broker: Broker;
  readonly #deadQueue: string;
  readonly #clock: Clock;
  #opening: Promise<{ readonly broker: Broker; readonly replayer: Replayer }> | undefined;
  /** Resolves when the first letter is there, or not. The others wait for it: what RabbitMQ takes late is there twice. */
  #first: Promise<boolean> | undefined;
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
  async renew(message: ConsumeMessage): Promise<boolean> {
    if (this.#first === undefined) {
      this.#first = this.#publish(message);
      return await this.#first;
    }
    return (await this.#first) && (await this.#publish(message));
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
      if (!(error instanceof RetryableError) || error.code !== 'replay_refused') throw error;
    }
    publishing.catch(() => {});
    if (!isThere) this.#refused = true;
    return isThere;
  }
}
