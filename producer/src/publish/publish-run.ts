import type { OutgoingMessage } from './messages.js';

/** The messages of one run: published one by one, awaited together. */
export class PublishRun {
  readonly #accept: (message: OutgoingMessage, run: PublishRun) => Promise<void> | undefined;
  #unsettled = 0;
  #confirmed = 0;
  #error: Error | undefined;
  #flush: PromiseWithResolvers | undefined;

  constructor(accept: (message: OutgoingMessage, run: PublishRun) => Promise<void> | undefined) {
    this.#accept = accept;
  }

  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** How many of its messages the broker has confirmed. */
  get confirmed(): number {
    return this.#confirmed;
  }

  /**
   * Accepts a message, whatever state the broker is in.
   *
   * @returns nothing while there is room for more, otherwise a promise to await before the next message
   * @throws what has failed the run (see {@link flush})
   */
  publish(message: OutgoingMessage): Promise<void> | undefined {
    if (this.#error !== undefined) throw this.#error;
    this.#unsettled += 1;
    return this.#accept(message, this);
  }

  /**
   * Resolves when the broker has confirmed every message. It waits for a broker that is away.
   *
   * @throws RetryableError if a message had no queue to go to, if the broker refuses again and again, or if the
   *   publisher was closed before it was done
   * @throws FatalError if the topology cannot be declared
   */
  flush(): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#unsettled === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#flush = { resolve, reject };
    });
  }

  /** One of its messages is confirmed, or given up. For the publisher. */
  settle(confirmed: boolean): void {
    this.#unsettled -= 1;
    if (confirmed) this.#confirmed += 1;
    if (this.#unsettled === 0 && this.#error === undefined) this.#flush?.resolve();
  }

  /** Its messages cannot all be published. For the publisher. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#flush?.reject(this.#error);
  }
}

interface PromiseWithResolvers {
  resolve(): void;
  reject(error: Error): void;
}
