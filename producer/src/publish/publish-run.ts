import type { OutgoingMessage } from './messages.js';
import type { MessageNumber, Numbering } from './numbering.js';

/** The messages of one run: published one by one, awaited together. */
export class PublishRun {
  readonly #accept: (message: OutgoingMessage, run: PublishRun) => Promise<void> | undefined;
  readonly #sendRest: () => void;
  #unsettled = 0;
  #confirmed = 0;
  #error: Error | undefined;
  #flush: Flush | undefined;
  /** Numbers its messages, so that it can be noted which of them are settled; undefined if that is not noted. */
  readonly numbering: Numbering | undefined;

  /** @param sendRest sends what waits to be sent together with more */
  constructor(
    accept: (message: OutgoingMessage, run: PublishRun) => Promise<void> | undefined,
    numbering?: Numbering,
    sendRest: () => void = () => {},
  ) {
    this.#accept = accept;
    this.#sendRest = sendRest;
    this.numbering = numbering;
  }

  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** How many of its messages the broker has confirmed. */
  get confirmed(): number {
    return this.#confirmed;
  }

  /**
   * Accepts a message, also while the broker is away.
   *
   * @returns undefined while there is room for more, otherwise a promise to await before the next message
   * @throws the error that failed the run (see {@link flush})
   */
  publish(message: OutgoingMessage): Promise<void> | undefined {
    if (this.#error !== undefined) throw this.#error;
    this.#unsettled += 1;
    return this.#accept(message, this);
  }

  /**
   * Resolves when the broker has confirmed every message. While the broker is away, it waits.
   *
   * @throws RetryableError if a message had no queue to go to, if the broker keeps refusing, or if the publisher was closed
   *   before every message was confirmed
   * @throws FatalError if the topology cannot be declared
   */
  flush(): Promise<void> {
    this.#sendRest();
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#unsettled === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#flush = { resolve, reject };
    });
  }

  /** The publisher calls it when one of the messages is confirmed or given up. */
  settle(confirmed: boolean, number: MessageNumber | undefined, records = 1): void {
    this.#unsettled -= records;
    if (confirmed) {
      this.#confirmed += records;
      if (number !== undefined) number.publication.confirmed += records;
    }
    if (this.#unsettled === 0 && this.#error === undefined) this.#flush?.resolve();
  }

  /** The publisher calls it when a message of the run cannot be published. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#flush?.reject(this.#error);
  }
}

/** The caller that awaits the confirms. */
interface Flush {
  resolve(): void;
  reject(error: Error): void;
}
