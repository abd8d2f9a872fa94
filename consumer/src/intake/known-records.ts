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

/** Records of one entity by the bytes of the messages that they were read from. */
export interface KnownOfEntity {
  find(body: Buffer): EntityRecord | undefined;
  keep(body: Buffer, record: EntityRecord): void;
}

const NONE: KnownOfEntity = { find: () => undefined, keep: () => {} };

/**
 * Records that came again. Most polls bring what the one before brought: such a record need not be parsed, validated and
 * hashed once more. A stream of news costs nothing here; and where it is more than there is room for, most of what is
 * kept stays, for a poll brings its records in the same order every time, and each would drive out the one that
 * comes next. All entities share the room.
 */
export class KnownRecords {
  readonly #records = new LRUCache<string, EntityRecord>({
    maxSize: MOST_BYTES,
    sizeCalculation: (_record, text) => bytesOf(text),
  });
  #refused = 0;

  of({ name, config }: Entity): KnownOfEntity {
    // JSON of any shape may take twenty times the memory of its text.
    if (Object.values(config.fields).some(({ type }) => type === 'json')) return NONE;
    // Latin-1 has a character for each byte: other bytes, another text, even where they are no UTF-8.
    const textOf = (body: Buffer) => `${name}\0${body.toString('latin1')}`;
    return {
      find: (body) =>
        this.#records.size === 0 || body.length > LONGEST_BODY ? undefined : this.#records.get(textOf(body)),
      keep: (body, record) => {
        if (body.length <= LONGEST_BODY) this.#keep(textOf(body), record);
      },
    };
  }

  #keep(text: string, record: EntityRecord): void {
    const hasRoom = this.#records.calculatedSize + bytesOf(text) <= MOST_BYTES;
    if (hasRoom || ++this.#refused % LET_IN === 0) this.#records.set(text, record);
  }
}
