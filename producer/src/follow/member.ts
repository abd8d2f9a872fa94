import { isUsableKey, keyFieldsOf, VERSION, versionOrder } from '@tributary/shared';
import type { KnownKey, RunKeys } from '../cursor/known-keys.js';
import type { Endpoint } from '../endpoint.js';
import type { PollProgress } from '../poll/progress.js';
import type { Ids } from '../publish/ids.js';
import { messageMaker, type OutgoingMessage } from '../publish/messages.js';
import type { PublishRun } from '../publish/publish-run.js';
import type { ShapeEvents } from '../shape/endpoint-findings.js';
import { compileShape, type Shape } from '../shape/shape.js';
import { Tombstones } from '../shape/tombstones.js';
import type { Change } from '../sources/port.js';

export interface MemberOptions {
  readonly endpoint: Endpoint;
  readonly shape: Shape;
  /** The number of the run. */
  readonly run: number;
  readonly ids: Ids;
  readonly keys: RunKeys;
  readonly messages: Pick<PublishRun, 'publish' | 'flush'>;
  readonly progress: PollProgress;
}

/** A change with the message that tells it. */
export interface Shaped {
  readonly member: Member;
  /** Undefined for a key that no row can have: it is never in the dataset. */
  readonly key: string | undefined;
  /** Whether the table has no such record any more. */
  readonly isGone: boolean;
  readonly message: OutgoingMessage;
  /** Whether `where` leaves it out: nothing is told of it. */
  readonly isLeftOut: boolean;
}

/** Which keys other members of the entity have. */
type Elsewhere = (member: Member, keys: readonly string[]) => Promise<ReadonlySet<string>>;

/** So many keys are noted together. */
const BATCH = 500;
/** Keys that this run has noted as they are, and need not be noted again; more are forgotten. */
const MOST_REMEMBERED = 100_000;

/** Of a row that is gone only the key is known, and nothing else is to be told of it. */
const SILENT: ShapeEvents = { unknownField() {}, cut() {}, notInHierarchy() {}, failed() {}, tell() {} };

/** An endpoint within a run over a stream: makes its messages, and knows its keys. */
export class Member {
  readonly #endpoint: Endpoint;
  readonly #shape: Shape;
  readonly #keyShape: Shape;
  readonly #tombstones: Tombstones;
  readonly #messageOf: (record: unknown, fetchedAt: number) => OutgoingMessage;
  readonly #keys: RunKeys;
  readonly #messages: MemberOptions['messages'];
  readonly #progress: PollProgress;
  #waiting = new Map<string, KnownKey>();
  #live = new Set<string>();

  constructor({ endpoint, shape, run, ids, keys, messages, progress }: MemberOptions) {
    const { config: entity } = endpoint.entity;
    this.#endpoint = endpoint;
    this.#shape = shape;
    const names = new Set(keyFieldsOf(entity));
    const ofKey = <T>(values: Readonly<Record<string, T>>) =>
      Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
    const { version: _version, ...rest } = entity;
    const keyEntity = { ...rest, fields: ofKey(entity.fields), unknownFields: 'tell' as const };
    const { map } = endpoint.config;
    const said = { map: ofKey(map), where: undefined, deletes: undefined };
    this.#keyShape = compileShape(keyEntity, said, SILENT, endpoint.protectionKeys);
    this.#tombstones = new Tombstones(entity);
    this.#messageOf = messageMaker(endpoint, run, ids);
    this.#keys = keys;
    this.#messages = messages;
    this.#progress = progress;
  }

  /** To be called before all else. */
  async begin(): Promise<void> {
    await this.#keys.begin();
  }

  /** Whether it has ever brought a record. */
  async knowsAny(): Promise<boolean> {
    for await (const keys of this.#keys.missing(true)) if (keys.length > 0) return true;
    return false;
  }

  /** So many changes of it come together. */
  expect(changes: number, fetchedAt: number): void {
    if (changes === 0) return;
    this.#progress.page({ records: Array.from({ length: changes }), fetchedAt, serverTime: undefined });
  }

  /**
   * The message of a change, whose key waits to be noted.
   * @returns undefined for one that is left out
   */
  shaped(change: Change, fetchedAt: number): Shaped | undefined {
    if (change.kind === 'clear' || change.kind === 'compare') return undefined;
    const { raw, version } = change;
    if (change.kind === 'remove') {
      const record = this.#keyShape.of(raw).record as Record<string, unknown>;
      const message = this.#messageOf(withVersion(this.#tombstones.of(record), version), fetchedAt);
      return this.#accepted(message, true, false);
    }
    const { record, isFiltered, isDeleted } = this.#shape.of(raw);
    const message = this.#messageOf(withVersion(record, version), fetchedAt);
    return this.#accepted(message, isDeleted, isFiltered);
  }

  #accepted(message: OutgoingMessage, isGone: boolean, isFiltered: boolean): Shaped | undefined {
    const isAccepted = this.#progress.accepts(message, isFiltered);
    if (!isAccepted && !isFiltered) return undefined;
    const { key, version } = message.envelope;
    if (isFiltered) return { member: this, key, isGone: true, message, isLeftOut: true };
    if (key === undefined || !isUsableKey(key))
      return { member: this, key: undefined, isGone, message, isLeftOut: false };
    if (isGone) this.#live.delete(key);
    if (isGone || !this.#live.has(key)) this.#wait({ key, version: orderOf(version), isMarked: isGone });
    return { member: this, key, isGone, message, isLeftOut: false };
  }

  /** A record that it has brought is left out since. To be called before its keys are noted. */
  leaveOut({ envelope: { key = '', version } }: OutgoingMessage): void {
    this.#live.delete(key);
    this.#wait({ key, version: orderOf(version), isMarked: true });
  }

  #wait(known: KnownKey): void {
    this.#waiting.set(known.key, known);
    if (known.isMarked) return;
    if (this.#live.size >= MOST_REMEMBERED) this.#live = new Set();
    this.#live.add(known.key);
  }

  /**
   * Notes the keys that wait. To be called before anything of them is published, also if none waits: a producer that was suspended publishes
   * nothing that another one streams by now.
   * @throws RetryableError if another producer holds the endpoint by now
   */
  async note(): Promise<void> {
    if (this.#waiting.size === 0) return await this.#keys.held();
    const waiting = [...this.#waiting.values()];
    this.#waiting = new Map();
    for (let from = 0; from < waiting.length; from += BATCH) await this.#keys.note(waiting.slice(from, from + BATCH));
  }

  /** Publishes a change, whose key is noted. @returns as PublishRun.publish */
  publish({ message, isGone }: Shaped): Promise<void> | undefined {
    if (isGone) this.#progress.deletes('marked', 1);
    return this.#messages.publish(message);
  }

  /** Which of the keys it has brought, and not as deleted. */
  live(keys: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#keys.live(keys);
  }

  /** Every record is gone. */
  async clear(version: string, fetchedAt: number, elsewhere: Elsewhere): Promise<void> {
    for await (const keys of this.#keys.all()) {
      const there = keys.filter(({ isMarked }) => !isMarked);
      await this.#bury(there, version, fetchedAt, elsewhere);
    }
  }

  /**
   * What the run has not brought is gone. What was gone before gets its tombstone again, under the version that it had: it may be among what
   * made the copy necessary.
   */
  async compare(version: string, fetchedAt: number, elsewhere: Elsewhere): Promise<void> {
    for await (const keys of this.#keys.missing(true)) await this.#bury(keys, version, fetchedAt, elsewhere);
  }

  async #bury(keys: readonly KnownKey[], version: string, fetchedAt: number, elsewhere: Elsewhere): Promise<void> {
    const others = await elsewhere(
      this,
      keys.map(({ key }) => key),
    );
    const gone = keys.map((known) => (known.isMarked ? known : { ...known, version: orderOf(version) }));
    for (const known of gone) {
      this.#live.delete(known.key);
      if (others.has(known.key)) continue;
      const record = withVersion(this.#tombstones.ofKey(known.key, ''), known.version);
      const room = this.#messages.publish(this.#messageOf(record, fetchedAt));
      if (room !== undefined) await room;
    }
    await this.#messages.flush();
    // They are marked once their tombstones are confirmed: a crash in between repeats these.
    for (let from = 0; from < gone.length; from += BATCH) {
      await this.#keys.note(gone.slice(from, from + BATCH).map((known) => ({ ...known, isMarked: true })));
    }
    const told = keys.filter(({ key, isMarked }) => !isMarked && !others.has(key));
    this.#progress.deletes('missing', told.length);
  }

  get id(): string {
    return this.#endpoint.id;
  }

  /** The name of its entity. */
  get entity(): string {
    return this.#endpoint.entity.name;
  }
}

/** As orders have it (see versionOrder). */
const orderOf = (version: string): string => versionOrder(version, '').trimEnd();

function withVersion(record: unknown, version: string): unknown {
  if (typeof record === 'object' && record !== null) (record as Record<string, unknown>)[VERSION] = version;
  return record;
}
