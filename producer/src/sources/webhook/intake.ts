import type { ConfirmedMessages } from '@tributary/shared';
import type { OutgoingMessage } from '../../publish/messages.js';
import type { PublishRun } from '../../publish/publish-run.js';
import { Refused } from './refused.js';

/** Publishes messages, and keeps a copy of what the broker has confirmed. */
export interface IntakeOptions {
  /** As of the publisher. */
  begin(name: string): PublishRun;
  /** Called when a batch is confirmed, before its senders are answered. @returns by which numbers consumers settle it */
  confirmed(name: string, messages: readonly OutgoingMessage[], run: PublishRun): Promise<readonly ConfirmedMessages[]>;
}

/** Records that wait in memory for the broker, of all senders together; more are refused, and come again. */
const MOST_RECORDS = 20_000;
const MOST_BYTES = 64 * 1024 * 1024;

interface Waiting {
  readonly messages: readonly OutgoingMessage[];
  resolve(numbers: readonly ConfirmedMessages[]): void;
  reject(reason: unknown): void;
}

/**
 * Publishes what comes to the doors. What comes for an endpoint while a batch of it is on its way to the broker is the next batch: so
 * each request waits for two confirms at most, and many requests cost as little as one.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #waiting = new Map<string, Waiting[]>();
  readonly #running = new Map<string, Promise<void>>();
  #records = 0;
  #bytes = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** How many records wait for the broker. */
  get records(): number {
    return this.#records;
  }

  /**
   * Resolves when the broker has confirmed all of them, and their copies are kept.
   * @returns by which numbers consumers settle them, with what was published together with them; none where that is not noted
   * @throws Refused if too many wait
   * @throws the error that failed the batch: some of the messages may be in the queue all the same
   */
  async accept(name: string, messages: readonly OutgoingMessage[]): Promise<readonly ConfirmedMessages[]> {
    const bytes = messages.reduce((sum, { body }) => sum + body.length, 0);
    // A single request that is larger than that alone must not wait for ever.
    if (this.#records > 0 && (this.#records + messages.length > MOST_RECORDS || this.#bytes + bytes > MOST_BYTES)) {
      throw new Refused('not_now', 'too much waits here at this time', {
        after: 5,
        inside: 'RabbitMQ does not keep up',
      });
    }
    this.#records += messages.length;
    this.#bytes += bytes;
    try {
      return await new Promise((resolve, reject) => {
        const waiting = this.#waiting.get(name) ?? [];
        waiting.push({ messages, resolve, reject });
        this.#waiting.set(name, waiting);
        if (!this.#running.has(name)) this.#running.set(name, this.#run(name));
      });
    } finally {
      this.#records -= messages.length;
      this.#bytes -= bytes;
    }
  }

  /** Resolves when nothing is on its way. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  async #run(name: string): Promise<void> {
    for (;;) {
      // What comes in the same turn of the event loop goes together.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.#waiting.get(name) ?? [];
      this.#waiting.delete(name);
      if (batch.length === 0) break;
      try {
        const messages = batch.flatMap((one) => one.messages);
        const numbers = await this.#publish(name, messages);
        for (const one of batch) one.resolve(numbers);
      } catch (error) {
        for (const one of batch) one.reject(error);
      }
    }
    this.#running.delete(name);
  }

  async #publish(name: string, messages: readonly OutgoingMessage[]): Promise<readonly ConfirmedMessages[]> {
    const run = this.#options.begin(name);
    for (const message of messages) {
      const room = run.publish(message);
      if (room !== undefined) await room;
    }
    await run.flush();
    return await this.#options.confirmed(name, messages, run);
  }
}
