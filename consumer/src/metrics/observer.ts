import { type PoisonError, type Row, readEnvelope } from '@tributary/shared';
import type { Delivery } from '../intake/settle.js';

/** A record that lies with the dead letters. */
export interface DeadRecord {
  readonly endpoint: string;
  readonly entity: string;
  /** Undefined for a record without a usable key. */
  readonly key: string | undefined;
  readonly messageId: string;
  readonly code: string;
  /** The field at fault; undefined for a fault of the whole record. */
  readonly field: string | undefined;
  /** With the value that is at fault. */
  readonly reason: string;
  /** The record as it was sent: JSON, or what came in its place. */
  readonly record: string;
  /** False if the same record lay there already: a bad record comes with every poll. */
  readonly isNew: boolean;
}

/**
 * Is told what became of records, by a consumer of the same process. Nothing waits for it, so it must not throw and must not take long. It is told once
 * at most: of a record whose row a consumer that died had written, nobody is told.
 */
export interface ConsumerObserver {
  /** The rows are durable, and the ledger has them. */
  written?(dataset: string, rows: readonly Row[]): void;
  dead?(record: DeadRecord): void;
  /** A record of a key that was erased: it was taken from its queue, and nothing of it is kept. */
  erased?(record: ErasedRecord): void;
  /** A record that is kept no longer: it was taken from its queue, and not written. */
  tooOld?(record: ErasedRecord): void;
}

/** A record that was not written, since its key was erased, or it is kept no longer. */
export interface ErasedRecord {
  readonly entity: string;
  readonly messageId: string;
  /** The record as it was sent. */
  readonly record: string;
}

export function deadRecordOf(delivery: Delivery, entity: string, error: PoisonError, isNew: boolean): DeadRecord {
  const { endpoint, key, messageId } = readEnvelope(delivery.message, entity);
  const { code, field, message: reason } = error;
  const record = delivery.message.content.toString();
  return { endpoint, entity, key, messageId, code, field, reason, record, isNew };
}
