import {
  type Logger,
  likelyType,
  lineToDeclare,
  PERSONAL_KINDS,
  type PersonalKind,
  personalKindOf,
} from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import type { PollMetrics } from '../metrics.js';

/** An API that invents field names (or an attacker) must not fill the memory and the metrics with them. */
const MOST_NAMES = 200;
/** Fields that one line of the log tells of. */
const MOST_TOLD = 20;

/** A field of raw records that the entity does not declare. */
interface UnknownField {
  /** Records that had it since it was last counted. */
  count: number;
  /** What it seems to be; undefined while only null was seen. */
  type: string | undefined;
  /** What it seems to hold of people. */
  personal: PersonalKind | undefined;
  isTold: boolean;
}

type Counted = Pick<PollMetrics, 'unknownFields' | 'personalFields' | 'expressionFailures' | 'notInHierarchy'>;

/** What a shape tells of the records that it makes. */
export interface ShapeEvents {
  /** @param record the record that it belongs to, as far as it is made */
  unknownField(name: string, value: unknown, record: unknown): void;
  /** A time had more digits than a column holds. */
  cut(field: string): void;
  /** A value stands in no line of its field's hierarchy. */
  notInHierarchy(field: string): void;
  /** @param place the setting that holds the expression, such as `where` or `fields.total` */
  failed(place: string, reason: string): void;
  /** Counts what was found since the last call, and tells of what is new. */
  tell(): void;
}

/**
 * What the shape of an endpoint's records found that a person should know. It is gathered while a page is shaped and told
 * at its end, in one line for all of it, and only once for each field.
 */
export class EndpointFindings implements ShapeEvents {
  readonly #endpoint: Endpoint;
  readonly #metrics: Counted;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #unknown = new Map<string, UnknownField>();
  readonly #cut = new Map<string, boolean>();
  readonly #failures = new Map<string, { count: number; reason: string; isTold: boolean }>();
  readonly #strangers = new Map<string, { count: number; isTold: boolean }>();
  #others = 0;
  #hasNews = false;
  /** A record that brought news, for a person to look at. */
  #key: string | undefined;

  constructor(endpoint: Endpoint, metrics: Counted, log: Pick<Logger, 'warn'>) {
    this.#endpoint = endpoint;
    this.#metrics = metrics;
    this.#log = log;
  }

  unknownField(name: string, value: unknown, record: unknown): void {
    const known = this.#unknown.get(name);
    if (known === undefined && this.#unknown.size >= MOST_NAMES) {
      this.#others += 1;
      this.#hasNews = true;
      return;
    }
    const field = known ?? { count: 0, type: undefined, personal: undefined, isTold: false };
    if (known === undefined) this.#unknown.set(name, field);
    field.count += 1;
    this.#hasNews = true;
    if (field.type !== undefined) return;
    field.type = likelyType(value);
    // By its name at first, and by a value once there is one: many fields are null in every record.
    if (known === undefined || field.type !== undefined) field.personal = personalKindOf(name, value);
    this.#key ??= this.#endpoint.entity.keyOf(record);
  }

  cut(field: string): void {
    if (this.#cut.has(field)) return;
    this.#cut.set(field, false);
    this.#hasNews = true;
  }

  notInHierarchy(field: string): void {
    const known = this.#strangers.get(field) ?? { count: 0, isTold: false };
    this.#strangers.set(field, known);
    known.count += 1;
    this.#hasNews = true;
  }

  failed(place: string, reason: string): void {
    const known = this.#failures.get(place);
    if (known === undefined) this.#failures.set(place, { count: 1, reason, isTold: false });
    else known.count += 1;
    this.#hasNews = true;
  }

  tell(): void {
    if (!this.#hasNews) return;
    this.#hasNews = false;
    this.#tellUnknown();
    this.#tellCut();
    this.#tellFailures();
    this.#tellStrangers();
    this.#key = undefined;
  }

  #tellUnknown(): void {
    const { id: endpoint, entity } = this.#endpoint;
    const labels = { endpoint, entity: entity.name };
    const news: (readonly [name: string, type: string])[] = [];
    const personal: string[] = [];
    for (const [name, field] of this.#unknown) {
      if (field.count > 0) this.#metrics.unknownFields.inc({ ...labels, field: name }, field.count);
      if (field.count > 0 && field.personal !== undefined)
        this.#metrics.personalFields.inc({ ...labels, field: name, kind: field.personal }, field.count);
      field.count = 0;
      if (field.isTold || field.type === undefined) continue;
      field.isTold = true;
      if (field.personal !== undefined) personal.push(`${name}: ${PERSONAL_KINDS[field.personal].words}`);
      news.push([name, field.type]);
    }
    if (this.#others > 0) this.#metrics.unknownFields.inc({ ...labels, field: '(others)' }, this.#others);
    this.#others = 0;
    this.#tellPersonal(personal);
    if (news.length === 0) return;
    const told = news.slice(0, MOST_TOLD);
    const more = news.length > told.length ? ` (and ${news.length - told.length} more)` : '';
    this.#log.warn(
      { ...labels, key: this.#key, fields: told.map(([name]) => name), add: told.map((one) => lineToDeclare(...one)) },
      `records have fields that the entity does not declare${more}; ${FATES[entity.config.unknownFields]}. To declare them, add these lines to its fields`,
    );
  }

  #tellPersonal(personal: readonly string[]): void {
    if (personal.length === 0) return;
    const { id: endpoint, entity } = this.#endpoint;
    const fate = FATES_OF_PERSONAL[entity.config.unknownFields];
    this.#log.warn(
      { endpoint, entity: entity.name, key: this.#key, fields: personal.slice(0, MOST_TOLD) },
      `records have new fields that look like personal data; ${fate}`,
    );
  }

  #tellCut(): void {
    const news = [...this.#cut].filter(([, isTold]) => !isTold).map(([name]) => name);
    if (news.length === 0) return;
    for (const name of news) this.#cut.set(name, true);
    const { id: endpoint, entity } = this.#endpoint;
    this.#log.warn(
      { endpoint, entity: entity.name, fields: news },
      'times have more digits than a microsecond; the columns hold them cut to microseconds (a version is compared with all its digits)',
    );
  }

  #tellStrangers(): void {
    const { id: endpoint, entity } = this.#endpoint;
    for (const [field, found] of this.#strangers) {
      if (found.count > 0) this.#metrics.notInHierarchy.inc({ endpoint, field }, found.count);
      found.count = 0;
      if (found.isTold) continue;
      found.isTold = true;
      const remedy = 'they land as *. Add them to its file, and restart the producers';
      this.#log.warn(
        { endpoint, entity: entity.name, field },
        `values are not in the hierarchy of their field: ${remedy}`,
      );
    }
  }

  #tellFailures(): void {
    const { id: endpoint, entity } = this.#endpoint;
    for (const [place, failure] of this.#failures) {
      if (failure.count > 0) this.#metrics.expressionFailures.inc({ endpoint, expression: place }, failure.count);
      failure.count = 0;
      if (failure.isTold) continue;
      failure.isTold = true;
      const fate =
        FATES_OF_CONDITIONS[place] ??
        'the record is published without the value; if the field is not optional, it becomes a dead letter';
      this.#log.warn(
        { endpoint, entity: entity.name, expression: place, reason: failure.reason },
        `an expression fails on a record: ${fate}`,
      );
    }
  }
}

const FATES = {
  tell: 'they are left out',
  keep: 'they are kept in the column unknown_fields',
  refuse: 'their records become dead letters, as unknownFields says',
} as const;

const FATES_OF_PERSONAL = {
  tell: 'they are left out. Declare them with protect if they are needed',
  keep: 'THEY ARE KEPT IN THE CLEAR in the column unknown_fields. Declare them with protect, or let unknownFields be tell',
  refuse: 'their records become dead letters, which hold them in the clear unless a field of the entity is protected',
} as const;

/** What becomes of a record on which a condition fails. */
const FATES_OF_CONDITIONS: Readonly<Record<string, string>> = {
  where: 'the record is published',
  'deletes.when': 'the record is not deleted',
};
