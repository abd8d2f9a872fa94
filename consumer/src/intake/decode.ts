import { type Entity, type EntityRecord, type Envelope, PoisonError, type Row, versionOrder } from '@tributary/shared';
import type { KnownOfEntity } from './known-records.js';
import { bytesOf, envelopeOf, recordIn } from './packed.js';
import type { Delivery } from './settle.js';

/** A delivery whose record is valid, and the row that the record asks for. */
export interface Incoming {
  readonly delivery: Delivery;
  readonly envelope: Envelope;
  readonly record: EntityRecord;
  readonly row: Row;
  /** Whether the same bytes were read before. */
  readonly isKnown: boolean;
}

/**
 * Reads and validates one delivery.
 * @param known records that were read and validated before
 * @throws PoisonError naming endpoint, entity, key and field, if the record can never be written
 */
export function decode(delivery: Delivery, entity: Entity, known: Pick<KnownOfEntity, 'find'>): Incoming {
  const { message } = delivery;
  const envelope = envelopeOf(message, entity.name);
  try {
    const bytes = bytesOf(message);
    const knownRecord = known.find(bytes);
    const record = knownRecord ?? entity.decode(recordIn(message, bytes));
    const row = {
      dataset: entity.config.dataset,
      key: record.key,
      hash: record.hash,
      order: versionOrder(record.version, envelope.messageId),
      version: record.version,
      messageId: envelope.messageId,
      values: record.payload,
    };
    return { delivery, envelope, record, row, isKnown: knownRecord !== undefined };
  } catch (error) {
    if (!(error instanceof PoisonError)) throw error;
    const message = `endpoint ${envelope.endpoint}: ${error.message}`;
    throw new PoisonError(error.code, message, error.field, { cause: error.cause, fault: error.fault });
  }
}
