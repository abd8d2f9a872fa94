import { randomBytes } from 'node:crypto';
import { MOST_NUMBERED } from '@tributary/shared';
import type { OutgoingMessage } from './messages.js';

/** The messages of one run: published one by one, awaited together. */
export class PublishRun {
  readonly #accept: (message: OutgoingMessage, run: PublishRun) => Promise<void> | undefined;
  #unsettled = 0;
  #confirmed = 0;
  #error: Error | undefined;
  #flush: Flush | undefined;
  #token = newToken();
  /** By entity, how many messages were numbered, and how many of these were confirmed. */
  #numbered = new Map<string, { next: number; confirmed: number }>();

  readonly #isNumbered: boolean;

  /** @param isNumbered whether its messages are numbered, so that it can be noted which of them are settled */
  constructor(accept: (message: OutgoingMessage, run: PublishRun) => Promise<void> | undefined, isNumbered = false) {
    this.#accept = accept;
    this.#isNumbered = isNumbered;
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
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#unsettled === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#flush = { resolve, reject };
    });
  }

  /** Names the next message for the consumer, which notes what is settled; undefined if that is not noted. */
  numberOf(entity: string): string | undefined {
    if (!this.#isNumbered) return undefined;
    let numbered = this.#numbered.get(entity);
    if (numbered === undefined) {
      numbered = { next: 0, confirmed: 0 };
      this.#numbered.set(entity, numbered);
    }
    return numbered.next < MOST_NUMBERED ? `${this.#token}/${numbered.next++}` : undefined;
  }

  /**
   * What was confirmed since the last call, to be noted until it is settled. To be called after {@link flush}.
   * @returns undefined if nothing was
   */
  takeConfirmed(): ConfirmedPart | undefined {
    const counts = [...this.#numbered].flatMap(([entity, { confirmed }]): [string, number][] =>
      confirmed === 0 ? [] : [[entity, Math.min(confirmed, MOST_NUMBERED)]],
    );
    const part = { token: this.#token, counts: Object.fromEntries(counts) };
    this.#token = newToken();
    this.#numbered = new Map();
    return counts.length === 0 ? undefined : part;
  }

  /** The publisher calls it when one of the messages is confirmed or given up. */
  settle(confirmed: boolean, entity: string): void {
    this.#unsettled -= 1;
    if (confirmed) {
      this.#confirmed += 1;
      const numbered = this.#numbered.get(entity);
      if (numbered !== undefined) numbered.confirmed += 1;
    }
    if (this.#unsettled === 0 && this.#error === undefined) this.#flush?.resolve();
  }

  /** The publisher calls it when a message of the run cannot be published. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#flush?.reject(this.#error);
  }
}

/** Messages of a run that were confirmed: as the consumer names them, and how many there are of each entity. */
export interface ConfirmedPart {
  readonly token: string;
  readonly counts: Readonly<Record<string, number>>;
}

const newToken = (): string => randomBytes(8).toString('hex');

/** The caller that awaits the confirms. */
interface Flush {
  resolve(): void;
  reject(error: Error): void;
}
