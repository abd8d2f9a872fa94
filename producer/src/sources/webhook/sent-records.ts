import type { IncomingMessage } from 'node:http';
import {
  type Clock,
  type ConfirmedMessages,
  compileEntity,
  DELETED,
  describeError,
  type Entity,
  type Field,
  inTime,
  isMapping,
  type Logger,
  mappedFields,
  type PipelineConfig,
  PoisonError,
  parseJson,
  type Telemetry,
  traced,
  VERSION,
} from '@tributary/shared';
import { publishing } from '../../poll/page-traces.js';
import type { Ids } from '../../publish/ids.js';
import { messageMaker, type OutgoingMessage } from '../../publish/messages.js';
import type { ProtectionKeys } from '../../shape/protect/keys.js';
import { compileProtection, type ProtectRecord } from '../../shape/protect/protected-record.js';
import { Bodies } from './body.js';
import { doorName } from './confirmed-events.js';
import { textOf } from './event.js';
import { textOfGiven } from './given.js';
import type { Intake } from './intake.js';
import { Refused } from './refused.js';

/** What records that are sent say of themselves in the place of an endpoint. */
const SENT = 'sent';

/** Bytes of one request. */
const MOST_BYTES = 16 * 1024 * 1024;

/** Milliseconds for the confirms of RabbitMQ. */
const PATIENCE = 30_000;

/** Faults that are told. A request that has more is refused whole: each line of two bytes would be answered with a hundred. */
const MOST_FAULTS = 1_000;

/** A record that cannot be taken. */
export interface RefusedRecord {
  /** Its place among those that were sent, from 0. */
  readonly place: number;
  readonly error: string;
}

/** What became of the records of one request. */
export interface Taken {
  readonly status: number;
  /** Confirmed by RabbitMQ. */
  readonly accepted: number;
  readonly refused: readonly RefusedRecord[];
  /** Why none was taken. */
  readonly error?: string;
  /** Seconds of Retry-After. */
  readonly after?: number | undefined;
}

/** A record that RabbitMQ has confirmed. */
export interface SentRecord {
  readonly entity: string;
  /** As long as it travels alone. */
  readonly messageId: string;
  /** As it travels. */
  readonly body: Buffer;
  /** By which numbers consumers settle it, with what was sent at the same time; none where that is not noted. */
  readonly numbers: readonly ConfirmedMessages[];
}

export interface SentRecordsOptions {
  readonly entities: PipelineConfig['entities'];
  /** What protections of fields need. */
  readonly keys: ProtectionKeys;
  /** Entities whose records go by the order of the log of a database. */
  readonly followed: ReadonlySet<string>;
  readonly intake: Pick<Intake, 'accept'>;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells of what is taken; nothing is traced unless given. */
  readonly telemetry?: Telemetry | undefined;
  /** Why nothing can be taken now, in words; undefined if it can. */
  problem(): string | undefined;
  /** To be awaited before records are published: endpoints that note the keys learn the versions. */
  hear(entity: string, messages: readonly OutgoingMessage[]): Promise<void>;
}

/**
 * Takes records from programs and people that have the admin token: canonical records, with the fields of their entity. Each is
 * checked as the consumer checks it, so that a fault is told to whoever sent it, and not to the dead letters.
 */
export class SentRecords {
  readonly #options: SentRecordsOptions;
  readonly #entities: ReadonlyMap<string, Entity>;
  readonly #protections: ReadonlyMap<string, ProtectRecord>;
  readonly #bodies = new Bodies();
  /** Fields that had values which their hierarchy does not have. */
  readonly #strangers = new Set<string>();

  constructor(options: SentRecordsOptions) {
    this.#options = options;
    this.#entities = new Map(
      Object.entries(options.entities).map(([name, config]) => [name, compileEntity(name, config)]),
    );
    this.#protections = new Map(
      Object.entries(options.entities).flatMap(([name, { fields }]) => {
        const protect = compileProtection(mappedFields(fields, {}), options.keys, name, (field) =>
          this.#tellStranger(name, field),
        );
        return protect === undefined ? [] : [[name, protect]];
      }),
    );
  }

  /** Once for each field: whoever sends may send any number. */
  #tellStranger(entity: string, field: string): void {
    if (this.#strangers.has(field)) return;
    this.#strangers.add(field);
    this.#options.log.warn(
      { entity, field },
      'values that were sent are not in the hierarchy of their field: they land as *',
    );
  }

  /** Never rejects. */
  async take(name: string, request: IncomingMessage): Promise<Taken> {
    const nothing = { accepted: 0, refused: [] };
    try {
      return await this.#take(name, request);
    } catch (error) {
      if (error instanceof Refused)
        return { ...nothing, status: error.status, error: error.message, after: error.after };
      const reason = describeError(error);
      this.#options.log.warn({ entity: name, reason }, 'records that were sent could not be published');
      return { ...nothing, status: 503, error: reason, after: 10 };
    }
  }

  /**
   * Takes a record of this process.
   * @throws FatalError for what JSON cannot hold
   * @throws Refused if it is not valid, or while nothing can be taken; and what failed to publish it
   */
  async send(name: string, record: unknown): Promise<SentRecord> {
    const entity = this.#find(name);
    const text = textOfGiven(name, record);
    if (text === undefined) throw new Refused('unreadable', 'there is no record to send');
    const { refused, messages, numbers } = await this.#traced(entity, undefined, () =>
      this.#publish(entity, [read(text)]),
    );
    const [message] = messages;
    if (message === undefined) throw new Refused('unreadable', refused[0]?.error ?? 'it cannot be read');
    return { entity: name, messageId: message.envelope.messageId, body: message.body, numbers };
  }

  async #take(name: string, request: IncomingMessage): Promise<Taken> {
    const entity = this.#find(name);
    const body = await this.#bodies.read(request, MOST_BYTES);
    const { 'content-type': type = '', traceparent } = request.headers;
    const { refused, messages } = await this.#traced(entity, traceparent, () =>
      this.#publish(entity, recordsOf(body, type)),
    );
    return { status: refused.length === 0 ? 200 : 422, accepted: messages.length, refused };
  }

  /** @throws Refused if there is no such entity, or while nothing can be taken */
  #find(name: string): Entity {
    const entity = this.#entities.get(name);
    if (entity === undefined) {
      const known = [...this.#entities.keys()].join(', ');
      throw new Refused('unknown', `there is no entity "${String(name).slice(0, 100)}": expected one of ${known}`);
    }
    const problem = this.#options.problem();
    if (problem !== undefined) throw new Refused('not_now', problem, { after: 10 });
    return entity;
  }

  /** @param traceparent of who sends them: what is traced goes on with it */
  #traced<T>({ name, config }: Entity, traceparent: unknown, publish: () => Promise<T>): Promise<T> {
    const continues = typeof traceparent === 'string' ? traceparent : undefined;
    const attributes = publishing(config.queue, name, SENT);
    const { telemetry } = this.#options;
    return traced(telemetry, `publish ${config.queue}`, () => ({ kind: 'producer', continues, attributes }), publish);
  }

  async #publish(entity: Entity, records: Iterable<Read>) {
    const { ids, clock, intake, hear } = this.#options;
    const { name } = entity;
    const messageOf = messageMaker({ id: SENT, entity }, 0, ids);
    const now = clock.now();
    const refused: RefusedRecord[] = [];
    const messages: OutgoingMessage[] = [];
    let place = 0;
    for (const record of records) {
      this.#protect(entity, record.value);
      const error = faultOf(entity, record) ?? (this.#options.followed.has(name) ? outOfOrder(record) : undefined);
      if (error === undefined) messages.push(messageOf(record.value, now));
      else if (refused.length < MOST_FAULTS) refused.push({ place, error });
      else throw tooManyFaults(refused);
      place += 1;
    }
    let numbers: readonly ConfirmedMessages[] = [];
    if (messages.length > 0) {
      await hear(name, messages);
      numbers = await inTime(clock, PATIENCE, intake.accept(doorName(`:${name}`), messages), notConfirmed);
    }
    return { refused, messages, numbers };
  }

  /** Where a field is protected, nothing that is not declared leaves either. */
  #protect({ name, config }: Entity, record: unknown): void {
    const protect = this.#protections.get(name);
    if (protect === undefined || !isMapping(record)) return;
    protect(record);
    leaveDeclared(record, config.fields, [DELETED, VERSION]);
  }
}

/** Takes out of a record, and out of the items of its lists, what is not declared. */
function leaveDeclared(record: Record<string, unknown>, fields: Fields, others: readonly string[] = []): void {
  for (const [name, value] of Object.entries(record)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined && !others.includes(name)) delete record[name];
    const { items } = field ?? {};
    if (items === undefined || !Array.isArray(value)) continue;
    for (const item of value) if (isMapping(item)) leaveDeclared(item, items);
  }
}

type Fields = Readonly<Record<string, Field>>;

/** A record as it was sent, or why it cannot be read. */
type Read = { readonly value: unknown; readonly fault?: string };

function* recordsOf(body: Buffer, type: string): Generator<Read> {
  const text = textOf(body);
  if (/ndjson|jsonl/i.test(type)) {
    for (const line of text.split('\n')) if (line.trim() !== '') yield read(line);
    return;
  }
  const { value, fault } = read(text);
  if (fault !== undefined) throw new Refused('unreadable', fault);
  for (const one of Array.isArray(value) ? value : [value]) yield { value: one };
}

function tooManyFaults([first]: readonly RefusedRecord[]): Refused {
  const example = first === undefined ? '' : `; the first, at ${first.place}: ${first.error}`;
  return new Refused('unreadable', `more than ${MOST_FAULTS} of the records are not valid, so none is taken${example}`);
}

function read(text: string): Read {
  try {
    return { value: parseJson(text) };
  } catch (error) {
    return { value: undefined, fault: `it is not JSON: ${describeError(error)}` };
  }
}

function faultOf(entity: Entity, { value, fault }: Read): string | undefined {
  if (fault !== undefined) return fault;
  try {
    entity.decode(value);
    return undefined;
  } catch (error) {
    if (error instanceof PoisonError) return error.message;
    throw error;
  }
}

/** Without a place in the log, it would be older than every change that the log told of its key, and be dropped in silence. */
function outOfOrder({ value }: Read): string | undefined {
  if (isMapping(value) && value[VERSION] !== undefined) return undefined;
  return `its entity follows the changes of a database, and a record without a place in that order (${VERSION}) would count as older than all of them: write it into the table`;
}

const notConfirmed = (): Refused =>
  new Refused(
    'not_now',
    `RabbitMQ has not confirmed within ${PATIENCE / 1_000} s; send again: what arrived meanwhile is dropped`,
    { after: 10 },
  );
