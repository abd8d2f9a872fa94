import { randomBytes } from 'node:crypto';
import { type ConfirmedMessages, MOST_OF_PUBLICATION, type PublishedNumber } from '@tributary/shared';

/** Parts of a publication begin at whole bytes of its bits, so that the bits of a part are counted by one command. */
const BITS = 8;

/** A publication as it grows: the messages of one entity, run after run. */
class Growing {
  readonly token = randomBytes(8).toString('hex');
  readonly entity: string;
  next = 0;
  /** Where the present part begins, and how many of its messages are confirmed. */
  from = 0;
  confirmed = 0;

  constructor(entity: string) {
    this.entity = entity;
  }
}

/** The number of a message. */
export interface MessageNumber extends PublishedNumber {
  /** Counts what the broker has confirmed. */
  readonly publication: { confirmed: number };
}

/** Messages of one entity that were confirmed; see ConfirmedMessages. */
export type ConfirmedPart = Omit<ConfirmedMessages, 'queue'> & { readonly entity: string };

/**
 * Numbers the messages of an endpoint, over its runs: runs that follow each other share a publication, so that there are not
 * many while the consumers are away.
 */
export class Numbering {
  /** By entity, the publication that grows. */
  readonly #growing = new Map<string, Growing>();
  /** Those that have messages which are not noted. */
  readonly #touched = new Set<Growing>();
  #isNoted = true;
  readonly #drawn: () => number;

  /** @param drawn gives the number of PUBLISHED_AFTER_HEADER */
  constructor(drawn: () => number) {
    this.#drawn = drawn;
  }

  /**
   * Begins a run. If the one before was not noted, nothing is known of its messages, so their publications grow no more: their bits
   * would be counted for those of other messages.
   */
  begin(): void {
    if (this.#touched.size === 0 && this.#isNoted) return;
    this.end();
    this.#touched.clear();
    this.#isNoted = true;
  }

  /** @param records how many records the message holds: each of them has a number */
  numberOf(entity: string, records = 1): MessageNumber {
    let growing = this.#growing.get(entity);
    if (growing === undefined || growing.next + records > MOST_OF_PUBLICATION) {
      growing = new Growing(entity);
      this.#growing.set(entity, growing);
    }
    this.#touched.add(growing);
    const text = `${growing.token}/${growing.next}${records === 1 ? '' : `+${records}`}`;
    growing.next += records;
    return { text, after: this.#drawn(), publication: growing };
  }

  /** What was confirmed since the last call. To be called when nothing is on its way to the broker, and followed by {@link noted}. */
  take(): ConfirmedPart[] {
    const parts: ConfirmedPart[] = [];
    for (const growing of this.#touched) {
      const { token, entity, from, confirmed: count } = growing;
      const to = Math.ceil(growing.next / BITS) * BITS;
      if (count > 0) parts.push({ token, entity, from, to, count });
      growing.from = to;
      growing.next = to;
      growing.confirmed = 0;
    }
    this.#touched.clear();
    this.#isNoted = parts.length === 0;
    return parts;
  }

  /** What was taken is noted. */
  noted(): void {
    this.#isNoted = true;
  }

  /** Publications grow no more: the next message begins another. */
  end(): void {
    this.#growing.clear();
  }
}
