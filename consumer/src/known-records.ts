import type { EntityRecord } from '@tributary/shared';
import { LRUCache } from 'lru-cache';

/** So many bytes of bodies are kept; with what was read from them, some four times as much memory. */
const MOST_BYTES = 4_000_000;

/** One large body must not drive out hundreds of small ones. */
const MOST_BYTES_OF_A_BODY = 100_000;

/**
 * Records of one entity by the bytes of the messages that they were read from. Most polls bring what the one before brought:
 * such a record need not be parsed, validated and hashed once more. Only what came again is kept, so that a stream of
 * news costs nothing here.
 */
export class KnownRecords {
  readonly #records = new LRUCache<string, EntityRecord>({
    maxSize: MOST_BYTES,
    maxEntrySize: MOST_BYTES_OF_A_BODY,
    sizeCalculation: (_record, body) => body.length,
  });

  find(body: Buffer): EntityRecord | undefined {
    return this.#records.size === 0 ? undefined : this.#records.get(textOf(body));
  }

  keep(body: Buffer, record: EntityRecord): void {
    this.#records.set(textOf(body), record);
  }
}

/** Latin-1 has a character for each byte: other bytes, another text, even where they are no UTF-8. */
const textOf = (body: Buffer): string => body.toString('latin1');
