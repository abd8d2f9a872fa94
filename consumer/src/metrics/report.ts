import { describeError, type Logger, type PoisonError, readEnvelope } from '@tributary/shared';
import type { Deduplicated } from '../claim/claims.js';
import type { Incoming } from '../intake/decode.js';
import type { Delivery } from '../intake/settle.js';
import type { ConsumerMetrics } from './metrics.js';

/** An API that invents field names (or an attacker) must not fill the metrics with them. */
const UNKNOWN_FIELDS_NAMED = 200;

/** Tells people what became of records: in the log where somebody should look, in the metrics always. */
export class Reporter {
  readonly #unknown = new Set<string>();
  readonly #unburied = new Set<string>();

  constructor(
    private readonly metrics: ConsumerMetrics,
    private readonly log: Logger,
  ) {}

  judged(entity: string, judged: Deduplicated): void {
    this.metrics.judged(entity, judged);
  }

  /** @param isNew whether it is the first time: the same bad record may come with every poll */
  dead(delivery: Delivery, entity: string, error: PoisonError, isNew: boolean): void {
    const { endpoint, messageId, key } = readEnvelope(delivery.message, entity);
    if (!isNew) {
      this.metrics.deadAgain(entity);
      return;
    }
    this.metrics.dead(endpoint, entity, error.code);
    this.log.warn(
      { endpoint, entity, key, field: error.field, code: error.code, messageId, reason: error.message },
      'record sent to the dead letters: it can never be written as it is; mend it at its source or replay it mended',
    );
  }

  /** Told once for each queue: it is asked again four times a second. */
  notBuried(delivery: Delivery, entity: string, cause: unknown): void {
    if (this.#unburied.has(entity)) return;
    this.#unburied.add(entity);
    const { endpoint, key } = readEnvelope(delivery.message, entity);
    const reason = describeError(cause);
    this.log.error(
      { endpoint, entity, key, reason },
      'a record that can never be written cannot be put with the dead letters either: it waits in its queue until it can',
    );
  }

  /** Each unknown field is told once; the record goes on without it. */
  unknownFields({ record, envelope: { endpoint } }: Incoming): void {
    for (const field of record.unknownFields) {
      const { entity, key } = record;
      const name = `${endpoint} ${entity} ${field}`;
      const named = this.#unknown.has(name);
      if (!named && this.#unknown.size >= UNKNOWN_FIELDS_NAMED) {
        this.metrics.unknownField(endpoint, entity, '(others)');
        continue;
      }
      this.metrics.unknownField(endpoint, entity, field);
      if (named) continue;
      this.#unknown.add(name);
      this.log.warn(
        { endpoint, entity, key, field },
        'unknown field: records are written without it; declare it in pipeline.yaml to keep it',
      );
    }
  }
}
