import type { Entity, EntityRecord } from '@tributary/shared';
import { LRUCache } from 'lru-cache';

/** The memory that all known records together may take, in bytes. */
const MOST_BYTES = 12_000_000;

/** The memory that a record and its text take. Measured and rounded up: objects count for short records, text for long ones. */
const bytesOf = (text: string): number => 600 + 4 * text.length;

/** One large body must not drive out hundreds of small ones. */
const LONGEST_BODY = 16_000;

/** When there is no room left, one record in so many is kept, in the place of others. */
const LET_IN = 16;

/** Records of one entity by the bytes of the messages that they were read from. */
export interface KnownOfEntity {
  find(body: Body): EntityRecord | undefined;
  keep(body: Body, record: EntityRecord): void;
}

/**
 * Bytes, or as Latin-1 the text that has a character for each of them: so two bodies have one text only if their bytes are the same,
 * UTF-8 or not.
 */
type Body = Buffer | string;

const NONE: KnownOfEntity = { find: () => undefined, keep: () => {} };

/**
 * Remembers records that came again. Most polls bring the same records as the poll before, and such a record need not be
 * parsed, validated and hashed once more. Records that come for the first time cost nothing here.
 *
 * When there are more records than there is room for, most of those that are kept stay. A poll brings its records in the
 * same order every time, so a cache that keeps the latest would always drop the record that comes next. All entities
 * share the room.
 */
export class KnownRecords {
  readonly #records = new LRUCache<string, EntityRecord>({
    maxSize: MOST_BYTES,
    sizeCalculation: (_record, text) => bytesOf(text),
  });
  #refused = 0;

  of({ name, config }: Entity): KnownOfEntity {
    // A JSON value may take twenty times the memory of its text, so its size cannot be told from the text.
    if (Object.values(config.fields).some(({ type }) => type === 'json')) return NONE;
    const textOf = (body: Body) => `${name}\0${typeof body === 'string' ? body : body.toString('latin1')}`;
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
