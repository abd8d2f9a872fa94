import { hash } from 'node:crypto';
import { type Logger, PoisonError } from '@tributary/shared';
import type { Alone } from './alone.js';
import type { BrokerMessage } from './channel.js';
import type { Delivery } from './settle.js';

/**
 * After so many deliveries before the present one, a message is suspected to end the process that reads it: by taking all of its memory, or by a fault in native
 * code. Nearly always its consumers ended for other reasons, so that a suspect is only handled with care.
 */
const SUSPECT_FROM = 5;

/**
 * A record with which the process ended so many times is buried: once among others, and then alone. A record that ends the process does so
 * each time. One that does not is at work for a moment, and may be so, by chance, when a process is killed for another reason: it was seen to be
 * three times in a row where consumers were killed all the time, and must not be buried for it.
 */
const MOST_STRIKES = 8;

/** The code of the dead letter. */
export const ENDS_CONSUMER = 'ends_consumer';

/** Remembers over the ends of processes which records were at work in one that ended. Records are named by their hashes. */
export interface Strikes {
  /** How many strikes each of these records has. */
  of(queue: string, records: readonly string[]): Promise<readonly number[]>;
  /** One strike more for each. It is taken back by `forget` if the process has not ended. */
  add(queue: string, records: readonly string[]): Promise<void>;
  forget(queue: string, records: readonly string[]): Promise<void>;
}

export interface SuspectsOptions {
  readonly strikes: Strikes;
  readonly alone: Alone;
  readonly log: Logger;
  readonly queue: string;
}

/** Records that are given out together, with nothing beside them. */
export interface Group {
  readonly deliveries: readonly Delivery[];
  /** To be called when they are done, and the process has not ended. */
  survived(): Promise<void>;
}

/** RabbitMQ tells how often it has delivered a message of a quorum queue before. */
export const isSuspect = ({ properties }: BrokerMessage): boolean => {
  const count: unknown = properties.headers?.['x-delivery-count'];
  return typeof count === 'number' && count >= SUSPECT_FROM;
};

/**
 * Finds the record that ends the process, among messages that were delivered many times. Such records are given out with nothing beside
 * them, and each has a strike in Redis while it is at work. If the process ends then, the strikes stay: when the records come again, each
 * that has one is given out alone. So the record that ends the process has the next strikes for itself, until it is buried, and all
 * others land.
 */
export class Suspects {
  readonly #options: SuspectsOptions;

  constructor(options: SuspectsOptions) {
    this.#options = options;
  }

  /** As of {@link Alone.begin}. */
  async begin(records: number): Promise<() => void> {
    const { log, queue, alone } = this.#options;
    log.warn(
      { queue, records },
      `messages were delivered ${SUSPECT_FROM} times and more before: a record of theirs may have ended the consumers that read it. They are handled apart`,
    );
    return alone.begin();
  }

  /** @returns which of these records are to be given out next: the first one, or more from there on */
  async next(deliveries: readonly Delivery[]): Promise<Group> {
    const { strikes, queue, log } = this.#options;
    const names = deliveries.map(({ message }) => hash('sha256', message.content));
    const counts = await strikes.of(queue, names);
    const [first] = deliveries;
    const count = counts[0] ?? 0;
    if (first !== undefined && count >= MOST_STRIKES) {
      first.refused = new PoisonError(
        ENDS_CONSUMER,
        `the record seems to end the process that reads it: the consumer ended ${count} times while it was at work, the last times with no other. See what the consumer's log or the system's says of its end (memory, native code); replay the record when that is mended`,
      );
      // Its strikes stay: if it is replayed and ends the process again, it is known sooner.
      return { deliveries: [first], survived: async () => {} };
    }
    if (count > 1) {
      log.warn(
        { queue, count },
        `a record is handled alone: the consumer ended each time that it was at work. It may be the cause, or have been there by chance; after ${MOST_STRIKES} ends it is buried`,
      );
    }
    const unknown = counts.findIndex((one) => one > 0);
    const together = count > 0 ? 1 : unknown === -1 ? deliveries.length : unknown;
    const given = names.slice(0, together);
    await strikes.add(queue, given);
    return { deliveries: deliveries.slice(0, together), survived: () => strikes.forget(queue, given) };
  }

  /** As of {@link Alone.untilDone}. */
  untilDone(signal: AbortSignal): Promise<void> {
    return this.#options.alone.untilDone(signal);
  }
}
