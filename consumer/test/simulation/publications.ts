import { type EntityRecord, packedId, versionOrder } from '@tributary/shared';
import type { MergeSide } from '../../src/merge/rows.js';
import type { Message } from './memory-broker.js';
import type { Pipeline } from './pipelines.js';

/** One record that the producer publishes. */
export interface Publication {
  readonly entity: 'customer' | 'inventory' | 'warehouse';
  /** Which record, and which of its few contents it has now. */
  readonly key: number;
  readonly content: number;
  /** It says that the record is deleted: by its key and version alone, or (with an odd content) beside all its fields. */
  readonly deleted: boolean;
  /** Its content changes and its version does not, as in a careless API; at most once in each version. */
  readonly sameVersion: boolean;
  /** Its version does not change, whatever became of it under that before: it is deleted, back and deleted again, as its API gives no other. */
  readonly keepsVersion?: boolean;
  /** It has another version, whether or not anything else of it changed. */
  readonly touched?: boolean;
  /** The confirm was lost: the same message is published twice. */
  readonly twice: boolean;
}

/** A message that was published, and what the consumer should make of it. */
export interface Published {
  readonly queue: string;
  readonly message: Message;
  readonly record: EntityRecord;
  readonly order: string;
}

/**
 * Stands for the content of a deleted record, which is the same whatever other fields it has. Some APIs change the version of a record
 * that is deleted already.
 */
const contentOfDeleted = (content: number): number => -2 - (content % 3);

/** The items of the lines of each content. A line without one makes a row where a merge leaves empty what is missing. */
const LINES = [['i0'], ['i0', 'i1'], ['i1', ''], [], ['i0', 'i0']];

/** The warehouse of each of their lines, of which only a star knows. */
const PLACES = ['w0', 'w1', 'w0', ''];

/** As those of the producer look; the ids of a later poll are later. */
const messageIdOf = (index: number, poll = 0): string =>
  `0000000${poll}-0000-7000-8000-${String(index).padStart(12, '0')}`;

/** The id of the same record when it is polled once more. */
export const polledAgain = (messageId: string): string =>
  `${Number(messageId.slice(0, 8)) + 1}`.padStart(8, '0') + messageId.slice(8);

/** What the consumer should make of the messages once its configuration has changed. */
export const inForm = (published: readonly Published[], { entities }: Pipeline): Published[] =>
  published.map((one) => {
    const entity = entities.find(({ name }) => name === one.record.entity);
    return entity === undefined ? one : { ...one, record: entity.decode(one.message.body) };
  });

/** The messages of a schedule, in the order of their publication. */
export function publish(publications: readonly Publication[], pipeline: Pipeline): Published[] {
  const revisions = new Map<string, { revision: number; content: number; tied: boolean }>();
  return publications.flatMap((publication, index) => {
    const { entity, key, sameVersion, keepsVersion = false, touched = false, twice, deleted } = publication;
    const content = deleted ? contentOfDeleted(publication.content) : publication.content;
    const compiled = pipeline.entities.find(({ name }) => name === entity);
    if (compiled === undefined) return [];
    const before = revisions.get(`${entity} ${key}`) ?? { revision: 0, content: -1, tied: true };
    const changed = before.content !== content;
    const tied = changed && (keepsVersion ? before.revision > 0 : sameVersion && !before.tied);
    const revision = before.revision + ((changed || touched) && !tied ? 1 : 0);
    revisions.set(`${entity} ${key}`, { revision, content, tied: tied || (before.tied && !changed && !touched) });

    const version = pipeline.kind.versioned ? { revision } : {};
    const message = { messageId: messageIdOf(index), body: { ...bodyOf(publication), ...version } };
    const record = compiled.decode(message.body);
    const order = versionOrder(record.version, message.messageId);
    const published = { queue: compiled.config.queue, message, record, order };
    return twice ? [published, published] : [published];
  });
}

/** What is published to the broker, and the records as their messages are called then. */
export interface Sent {
  readonly records: readonly Published[];
  readonly messages: readonly Pick<Published, 'queue' | 'message'>[];
}

/** Puts records of one queue that follow each other into packs of so many. A pack with a record whose confirm was lost is published twice. */
export function pack(published: readonly Published[], size: number): Sent {
  const packs: { queue: string; records: Published[]; twice: boolean }[] = [];
  const filling = new Map<string, (typeof packs)[number]>();
  for (const one of published) {
    let current = filling.get(one.queue);
    const isRepeat = current?.records.at(-1)?.message === one.message;
    if (current === undefined || (current.records.length >= size && !isRepeat)) {
      current = { queue: one.queue, records: [], twice: false };
      filling.set(one.queue, current);
      packs.push(current);
    }
    if (isRepeat) current.twice = true;
    else current.records.push(one);
  }
  const sent = packs.map(({ queue, records, twice }) => {
    const [first] = records;
    const messageId = first?.message.messageId ?? '';
    const bodies = records.map(({ message }) => message.body);
    const message: Message = { messageId, body: bodies[0], ...(bodies.length === 1 ? {} : { pack: bodies }) };
    const named = records.map((one, place): Published => {
      if (records.length === 1) return one;
      const id = packedId(messageId, place);
      const { record } = one;
      return { ...one, message: { ...one.message, messageId: id }, order: versionOrder(record.version, id) };
    });
    return {
      named,
      messages: twice
        ? [
            { queue, message },
            { queue, message },
          ]
        : [{ queue, message }],
    };
  });
  return { records: sent.flatMap(({ named }) => named), messages: sent.flatMap(({ messages }) => messages) };
}

function bodyOf({ entity, key, content, deleted }: Publication) {
  const { named, whole } = BODIES[entity];
  if (!deleted) return whole(key, content);
  return { ...(content % 2 === 0 ? {} : whole(key, content)), ...named(key), _deleted: true };
}

const BODIES = {
  customer: { named: (key: number) => ({ id: `c${key}` }), whole: customer },
  inventory: { named: (key: number) => ({ sku: `i${key}` }), whole: item },
  warehouse: {
    named: (key: number) => ({ code: `w${key}` }),
    whole: (key: number, content: number) => ({ code: `w${key}`, city: `city ${content}` }),
  },
};

function item(key: number, content: number) {
  const owners = (LINES[content % LINES.length] ?? []).map((sku) => ({ id: sku.replace('i', 'c') }));
  return { sku: `i${key}`, price: 10 + content, owners };
}

function customer(key: number, content: number) {
  const lines = (LINES[content % LINES.length] ?? []).map((sku, index) => {
    return { sku, quantity: index + 1, place: PLACES[(content + index) % PLACES.length] };
  });
  const extra = (LINES[(content + 2) % LINES.length] ?? []).map((sku, index) => ({ sku, quantity: index + 5 }));
  return { id: `c${key}`, name: `name ${Math.floor(content / LINES.length)}`, phone: `${content % 4}`, lines, extra };
}

/** The newest message of each record of an entity. */
export function newest(published: readonly Published[], entity: string): Map<string, Published> {
  const latest = new Map<string, Published>();
  for (const one of published) {
    const known = latest.get(one.record.key);
    if (one.record.entity === entity && (known === undefined || known.order < one.order))
      latest.set(one.record.key, one);
  }
  return latest;
}

export const sideOf = ({ record: { key, version, payload }, message: { messageId } }: Published): MergeSide => ({
  key,
  version,
  messageId,
  payload,
});
