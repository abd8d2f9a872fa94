import type { Entity, EntityRecord } from '@tributary/shared';
import { LRUCache } from 'lru-cache';

/** The memory that all of it may take, in bytes. */
const MOST_BYTES = 12_000_000;

/** What a record with its text takes: short ones as much as their objects do, long ones by their length. Measured, rounded up. */
const bytesOf = (text: string): number => 600 + 4 * text.length;

/** One large body must not drive out hundreds of small ones. */
const LONGEST_BODY = 16_000;

/** Once there is no room, one in so many is let in. */
const LET_IN = 16;

/**
 * Records by the bytes of the messages that they were read from. Most polls bring what the one before brought: such a
 * record need not be parsed, validated and hashed once more. Only what came again is kept, so that a stream of
 * news costs nothing here; and where it is more than there is room for, most of what is kept stays, for a poll
 * brings its records in the same order every time, and each would drive out the one that comes next.
 */
export class KnownRecords {
  readonly #records = new LRUCache<string, EntityRecord>({
    maxSize: MOST_BYTES,
    sizeCalculation: (_record, text) => bytesOf(text),
  });
  #refused = 0;

  find({ name }: Entity, body: Buffer): EntityRecord | undefined {
    if (this.#records.size === 0 || body.length > LONGEST_BODY) return undefined;
    return this.#records.get(textOf(name, body));
  }

  keep({ name, config }: Entity, body: Buffer, record: EntityRecord): void {
    if (body.length > LONGEST_BODY) return;
    // JSON of any shape may take twenty times the memory of its text.
    if (Object.values(config.fields).some(({ type }) => type === 'json')) return;
    const text = textOf(name, body);
    const hasRoom = this.#records.calculatedSize + bytesOf(text) <= MOST_BYTES;
    if (hasRoom || ++this.#refused % LET_IN === 0) this.#records.set(text, record);
  }
}

/** Latin-1 has a character for each byte: other bytes, another text, even where they are no UTF-8. */
const textOf = (entity: string, body: Buffer): string => `${entity}\0${body.toString('latin1')}`;
