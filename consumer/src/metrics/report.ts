import { describeError, type Logger, type PoisonError, readEnvelope } from '@tributary/shared';
import type { Deduplicated } from '../claim/claims.js';
import type { Incoming } from '../intake/decode.js';
import type { Delivery } from '../intake/settle.js';
import type { ConsumerMetrics } from './metrics.js';

/** The number of unknown fields that are named. An API that invents field names, or an attacker, must not fill the metrics. */
const UNKNOWN_FIELDS_NAMED = 200;

/** Tells people what became of records: always in the metrics, and in the log where a person should look. */
export class Reporter {
  readonly #metrics: ConsumerMetrics;
  readonly #log: Logger;
  readonly #unknown = new Set<string>();
  readonly #unburied = new Set<string>();

  constructor(metrics: ConsumerMetrics, log: Logger) {
    this.#metrics = metrics;
    this.#log = log;
  }

  judged(entity: string, judged: Deduplicated): void {
    this.#metrics.judged(entity, judged);
  }

  /** @param isNew whether the record is buried for the first time: the same bad record may come with every poll */
  dead(delivery: Delivery, entity: string, error: PoisonError, isNew: boolean): void {
    const { endpoint, messageId, key } = readEnvelope(delivery.message, entity);
    if (!isNew) {
      this.#metrics.deadAgain(entity);
      return;
    }
    this.#metrics.dead(endpoint, entity, error.code);
    this.#log.warn(
      { endpoint, entity, key, field: error.field, code: error.code, messageId, reason: error.message },
      'record sent to the dead letters: it can never be written as it is; correct it at its source, or correct it and replay it',
    );
  }

  /** Logged once for each queue, because the record is tried again four times a second. */
  notBuried(delivery: Delivery, entity: string, cause: unknown): void {
    if (this.#unburied.has(entity)) return;
    this.#unburied.add(entity);
    const { endpoint, key } = readEnvelope(delivery.message, entity);
    const reason = describeError(cause);
    this.#log.error(
      { endpoint, entity, key, reason },
      'a record that can never be written cannot be put on the dead letter queue either: it waits in its own queue until it can',
    );
  }

  /** Logs each unknown field once; the record is written without it. */
  unknownFields({ record, envelope: { endpoint } }: Incoming): void {
    for (const field of record.unknownFields) {
      const { entity, key } = record;
      const name = `${endpoint} ${entity} ${field}`;
      const named = this.#unknown.has(name);
      if (!named && this.#unknown.size >= UNKNOWN_FIELDS_NAMED) {
        this.#metrics.unknownField(endpoint, entity, '(others)');
        continue;
      }
      this.#metrics.unknownField(endpoint, entity, field);
      if (named) continue;
      this.#unknown.add(name);
      this.#log.warn(
        { endpoint, entity, key, field },
        'unknown field: records are written without it; declare it in pipeline.yaml to keep it',
      );
    }
  }
}
