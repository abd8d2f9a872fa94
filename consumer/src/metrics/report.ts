import {
  type Clock,
  count,
  type Entity,
  type Logger,
  likelyType,
  lineToDeclare,
  ownValue,
  type PoisonError,
  parseJson,
  readEnvelope,
} from '@tributary/shared';
import type { Deduplicated } from '../claim/claims.js';
import type { Incoming } from '../intake/decode.js';
import type { Delivery } from '../intake/settle.js';
import type { DeadRecordGroup, DeadRecords } from './dead-records.js';
import type { ConsumerMetrics } from './metrics.js';
import { type ConsumerObserver, deadRecordOf } from './observer.js';

/** The number of unknown fields that are named. An API that invents field names, or an attacker, must not fill the metrics. */
const UNKNOWN_FIELDS_NAMED = 200;
/** Characters of the longest name that is told. */
const LONGEST_FIELD = 200;

/** Milliseconds that news wait for more of their kind, so that one line tells of all. */
const GATHERED = 1_000;
/** The same for a fault that was told before: one that stays is told once a minute. */
const GATHERED_AFTERWARDS = 60_000;

export interface ReporterOptions {
  readonly metrics: ConsumerMetrics;
  readonly log: Logger;
  readonly clock: Clock;
  readonly dead: DeadRecords;
  readonly observer?: ConsumerObserver | undefined;
  /** Aborted when the session is over: what waits is told then. */
  readonly over: AbortSignal;
}

/** Tells people what became of records: always in the metrics, and in the log where a person should look. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #unknown = new Set<string>();
  /** Entities of which records were too old. */
  readonly #toldOld = new Set<string>();
  #newFields = new Map<string, NewFields>();
  #waiting = Number.POSITIVE_INFINITY;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  judged(entity: string, judged: Deduplicated): void {
    this.#options.metrics.judged(entity, judged);
  }

  /** A record of a key that was erased. Its key is not told. */
  erased({ message }: Delivery, entity: Entity): void {
    const { metrics, observer } = this.#options;
    metrics.erased(entity.name);
    observer?.erased?.({
      entity: entity.name,
      messageId: readEnvelope(message, entity.name).messageId,
      record: message.content.toString(),
    });
  }

  /** Records that are kept no longer, and have no row. It is told in the log once, and counted. */
  tooOld(deliveries: readonly Delivery[], entity: Entity): void {
    const { metrics, observer, log } = this.#options;
    metrics.tooOld(entity.name, deliveries.length);
    if (!this.#toldOld.has(entity.name)) {
      const why = 'retention.rows says that they are kept no longer; they are counted, and not told again';
      log.info({ entity: entity.name }, `records of ${entity.name} are too old, and not written: ${why}`);
      this.#toldOld.add(entity.name);
    }
    for (const { message } of deliveries)
      observer?.tooOld?.({
        entity: entity.name,
        messageId: readEnvelope(message, entity.name).messageId,
        record: message.content.toString(),
      });
  }

  /** @param isNew whether the record is buried for the first time: the same bad record may come with every poll */
  dead(delivery: Delivery, entity: string, error: PoisonError, isNew: boolean): void {
    const { metrics, dead, observer } = this.#options;
    observer?.dead?.(deadRecordOf(delivery, entity, error, isNew));
    const isFirst = dead.note(delivery, entity, error, isNew);
    if (!isNew) {
      metrics.deadAgain(entity);
      return;
    }
    metrics.dead(readEnvelope(delivery.message, entity).endpoint, entity, error.code);
    this.#tellIn(isFirst ? GATHERED : GATHERED_AFTERWARDS);
  }

  /** Notes each unknown field once; the record is written without it. The producer leaves them out: another program sent it. */
  unknownFields({ record, envelope: { endpoint }, delivery }: Incoming): void {
    const { metrics } = this.#options;
    const { entity, key } = record;
    for (const field of record.unknownFields) {
      const name = `${endpoint} ${entity} ${field}`;
      const named = this.#unknown.has(name);
      if (!named && (this.#unknown.size >= UNKNOWN_FIELDS_NAMED || field.length > LONGEST_FIELD)) {
        metrics.unknownField(endpoint, entity, '(others)');
        continue;
      }
      metrics.unknownField(endpoint, entity, field);
      if (named) continue;
      this.#unknown.add(name);
      const id = `${endpoint} ${entity}`;
      const news = this.#newFields.get(id) ?? { endpoint, entity, key, fields: [], add: [] };
      this.#newFields.set(id, news);
      news.fields.push(field);
      const type = likelyType(ownValue(parseJson(delivery.message.content.toString()) as object, field));
      if (type !== undefined) news.add.push(lineToDeclare(field, type));
    }
  }

  /** Logs the unknown fields that were noted since the last call: one line for each endpoint. */
  tellUnknownFields(): void {
    if (this.#newFields.size === 0) return;
    const { log } = this.#options;
    for (const { fields, ...news } of this.#newFields.values()) {
      log.warn(
        { ...news, fields },
        `unknown field${fields.length === 1 ? '' : 's'}: records are written without; to keep what they hold, add these lines to the entity's fields`,
      );
    }
    this.#newFields = new Map();
  }

  /** Waits for more of the same first. */
  #tellIn(delay: number): void {
    const { clock, over } = this.#options;
    const at = clock.monotonic() + delay;
    if (this.#waiting <= at) return;
    this.#waiting = at;
    void clock.sleep(delay, over).then(() => {
      this.#waiting = Number.POSITIVE_INFINITY;
      this.#tell();
    });
  }

  #tell(): void {
    const { dead, log } = this.#options;
    for (const group of dead.takeUntold()) tellDead(group, log);
  }
}

/** Fields of one endpoint's records that are not declared, and were not told before. */
interface NewFields {
  readonly endpoint: string;
  readonly entity: string;
  readonly key: string;
  readonly fields: string[];
  /** The lines of the pipeline file that declare them. */
  readonly add: string[];
}

function tellDead({ keys, count: records, again: _, ...group }: DeadRecordGroup, log: Logger): void {
  const what =
    records === 1
      ? 'record sent to the dead letters: it can never be written as it is; correct it at its source, or correct it and replay it'
      : `${count(records, 'record')} sent to the dead letters for one fault: they can never be written as they are; correct them at their source, or correct and replay them`;
  log.warn({ ...group, key: keys.length === 0 ? undefined : keys.join(', '), count: records }, what);
}
