import { type Clock, count, interruptible, type Logger, type PoisonError, type QueueDepths } from '@tributary/shared';
import type { Delivery } from '../intake/settle.js';
import type { Buried } from './dead-letters.js';

/** Milliseconds between two looks, for which a look counts, and for an answer. */
const LOOK_EVERY = 3_000;
const FRESH = 1_000;
const PATIENCE = 1_000;

export interface LyingLettersOptions {
  readonly buried: Buried;
  /** On a connection that RabbitMQ does not block as it blocks publishers. */
  readonly depths: QueueDepths;
  /** The queues that records come from. */
  readonly queues: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

interface Look {
  /** By the clock that is never set. */
  readonly at: number;
  readonly lying: number;
  /** Letters that this consumer had put there when the look began, and when it was answered. */
  readonly added: number;
  readonly addedAfter: number;
}

/**
 * What is remembered of buried records, compared with the letters that RabbitMQ has. A person may purge the dead letters, or a policy
 * drop them (message-ttl, expires), which RabbitMQ tells nobody. Then a bad record that comes again would be dropped without a letter.
 */
export class LyingLetters implements Buried {
  readonly #options: LyingLettersOptions;
  /** By queue. */
  readonly #looks = new Map<string, Look>();
  readonly #added = new Map<string, number>();

  constructor(options: LyingLettersOptions) {
    this.#options = options;
  }

  async has(delivery: Delivery, queue: string, error: PoisonError): Promise<boolean> {
    const { buried } = this.#options;
    if (!(await buried.has(delivery, queue, error))) return false;
    if (!(await this.#areGone(queue))) return true;
    await buried.allGone(queue);
    return false;
  }

  async add(delivery: Delivery, queue: string, error: PoisonError): Promise<void> {
    this.#added.set(queue, this.#addedTo(queue) + 1);
    await this.#options.buried.add(delivery, queue, error);
  }

  forget(delivery: Delivery, queue: string): Promise<void> {
    return this.#options.buried.forget(delivery, queue);
  }

  allGone(queue: string): Promise<void> {
    return this.#options.buried.allGone(queue);
  }

  /** Tells when letters go away. Never rejects. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, queues, log } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(LOOK_EVERY, signal);
      for (const queue of queues) {
        if (signal.aborted) return;
        const before = this.#looks.get(queue);
        const now = await this.#look(queue);
        if (before === undefined || now === undefined) continue;
        const gone = before.lying + now.added - before.addedAfter - now.lying;
        if (gone <= 0) continue;
        const how =
          'a person has replayed, discarded or purged them, or a policy of RabbitMQ has dropped them (message-ttl, expires)';
        log.warn({ queue, gone, left: now.lying }, `${count(gone, 'dead letter')} of ${queue} went away: ${how}`);
      }
    }
  }

  async #areGone(queue: string): Promise<boolean> {
    const { clock } = this.#options;
    const known = this.#looks.get(queue);
    const isFresh = known !== undefined && clock.monotonic() - known.at < FRESH && known.added === this.#addedTo(queue);
    const look = isFresh ? known : await this.#look(queue);
    return look?.lying === 0 && look.added === this.#addedTo(queue);
  }

  /** @returns undefined if there is no answer, or while a person reads the letters, which takes them from their queue */
  async #look(queue: string): Promise<Look | undefined> {
    const { depths, clock } = this.#options;
    const dead = `${queue}.dead`;
    const added = this.#addedTo(queue);
    const looks = await interruptible(depths.look([dead]), AbortSignal.timeout(PATIENCE)).catch(() => undefined);
    const { ready = 0, consumers = 1 } = looks?.get(dead) ?? {};
    if (consumers > 0) return undefined;
    const look = { at: clock.monotonic(), lying: ready, added, addedAfter: this.#addedTo(queue) };
    this.#looks.set(queue, look);
    return look;
  }

  #addedTo = (queue: string): number => this.#added.get(queue) ?? 0;
}
