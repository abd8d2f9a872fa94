import {
  type ConsumeMessage,
  type Entity,
  type EntityQueue,
  PACK_HEADER,
  packWithout,
  RetryableError,
} from '@tributary/shared';
import type { AuditedAct } from '../audit/audit.js';
import type { Acted, Action, Visit } from './act.js';
import type { Broker } from './broker.js';
import { type KeptStore, keptBodyOf, originalBody } from './kept-bodies.js';
import type { DeadLetter, WholeLetter } from './letter.js';
import { isUnsendable, Replayer } from './replayer.js';
import type { Swept } from './sweep.js';
import { textOf } from './text-of.js';
import type { Problem } from './verdict.js';
import { isOfKey, type RecordName, whoseLetter } from './whose.js';

/** What it takes to find the letters of the records of one entity. */
export interface RecordTools {
  readonly entity: Entity;
  readonly queues: readonly EntityQueue[];
  readonly kept: KeptStore;
  readonly broker: Broker;
  /** Every letter of every queue of the pipeline. */
  visitAll(visit: (message: ConsumeMessage, letter: DeadLetter) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** All letters of one queue; they stay. */
  look(queue: EntityQueue, visit: Visit, signal: AbortSignal): Promise<Swept>;
  act(act: AuditedAct, what: Pick<Action, 'doTo' | 'isMeant'>, signal: AbortSignal): Promise<Acted>;
}

/** The letters of a record. */
export interface LettersOfRecord {
  readonly letters: readonly WholeLetter[];
  /** By queue of dead letters, how many nobody can tell the record of. */
  readonly unread: Readonly<Record<string, number>>;
}

/** What became of the letters of a record. */
export interface ErasedLetters {
  readonly done: number;
  /** By queue of dead letters, how many nobody can tell the record of: they stay. */
  readonly unread: Readonly<Record<string, number>>;
  /** Where bodies of the record are kept with the output that no letter names: they stay. */
  readonly bodies: readonly string[];
}

/**
 * Every letter of a record, in full: a body that is not UTF-8 is in base64. Of a pack that lies there whole, the record's own lines.
 * @throws RetryableError if not all letters could be looked at
 */
export async function collectLetters(
  { key }: RecordName,
  { entity, queues, kept, look }: RecordTools,
  signal: AbortSignal,
): Promise<LettersOfRecord> {
  const letters: WholeLetter[] = [];
  const unread: Record<string, number> = {};
  for (const queue of queues) {
    const found: { readonly letter: DeadLetter; readonly message: ConsumeMessage }[] = [];
    const visit: Visit = (message, letter) => {
      const isAside = keptBodyOf(message) !== undefined;
      if (isAside || whoseLetter(letter, message, message.content, entity, key) !== 'others')
        found.push({ letter, message });
      return 'keep';
    };
    const { complete } = await look(queue, visit, signal);
    if (!complete) throw unseen([queue]);
    for (const { letter, message } of found) {
      const body = await readableBody(message, letter, kept);
      const whose = whoseLetter(letter, message, body, entity, key);
      if (whose === 'unknown') unread[queue.deadQueue] = (unread[queue.deadQueue] ?? 0) + 1;
      if (whose !== 'its' && whose !== 'shared') continue;
      const isShared = body !== undefined && whose === 'shared';
      const own = isShared ? packWithout(body, (one) => !isOfKey(one, entity, key)).content : body;
      letters.push({ letter, body: textOf(own ?? message.content), headers: message.properties.headers ?? {} });
    }
  }
  return { letters, unread };
}

/**
 * Removes the letters of a record for good: nothing of them is written to the audit log but how many there were. A pack that lies there
 * whole stays, without the record.
 * @throws RetryableError if not all letters could be looked at
 */
export async function eraseLetters(
  of: RecordName,
  tools: RecordTools,
  act: AuditedAct,
  signal: AbortSignal,
): Promise<ErasedLetters> {
  const { entity, queues, kept, broker } = tools;
  const unread = new Map(queues.map(({ queue }) => [queue, new Set<string>()]));
  const isMeant = (message: ConsumeMessage, letter: DeadLetter): boolean => {
    // Its body is read when it has its turn: it may be as large as all memory that there is for letters.
    if (keptBodyOf(message) !== undefined) return true;
    const whose = whoseLetter(letter, message, message.content, entity, of.key);
    if (whose === 'unknown') unread.get(letter.queue)?.add(letter.id);
    return whose === 'its' || whose === 'shared';
  };
  const replayer = await Replayer.open(broker, '');
  const doTo = async (message: ConsumeMessage, letter: DeadLetter): Promise<Problem | undefined> => {
    const body = await readableBody(message, letter, kept);
    const whose = whoseLetter(letter, message, body, entity, of.key);
    if (whose === 'its') return undefined;
    const isHere = keptBodyOf(message) === undefined;
    if (whose === 'shared' && isHere && (await sendRest(message, deadQueueOf(queues, letter), replayer, tools, of.key)))
      return undefined;
    if (whose !== 'others') unread.get(letter.queue)?.add(letter.id);
    return STAYS;
  };
  try {
    const { done, complete } = await tools.act(withoutFaults(act), { isMeant, doTo }, signal);
    if (!complete) throw unseen(queues);
    const counts = queues.map(({ queue, deadQueue }) => [deadQueue, unread.get(queue)?.size ?? 0] as const);
    const bodies = await bodiesLeft(of, tools, signal);
    return { done, unread: Object.fromEntries(counts.filter(([, count]) => count > 0)), bodies };
  } finally {
    await replayer.close();
  }
}

/** Puts a pack back to the end of its queue, without the record. @returns whether it is there */
async function sendRest(
  message: ConsumeMessage,
  deadQueue: string,
  replayer: Replayer,
  { entity }: RecordTools,
  key: string,
): Promise<boolean> {
  const { content, left } = packWithout(message.content, (one) => isOfKey(one, entity, key));
  const headers = { ...message.properties.headers, [PACK_HEADER]: left };
  try {
    await replayer.renew({ ...message, content, properties: { ...message.properties, headers } }, deadQueue);
    return true;
  } catch (error) {
    if (isUnsendable(error)) return false;
    throw error;
  }
}

/** Where bodies of a record are kept with the output that no letter names: a process died, or could not remove them. */
async function bodiesLeft(
  { entity: name, key }: RecordName,
  { entity, kept, visitAll }: RecordTools,
  signal: AbortSignal,
): Promise<string[]> {
  const found = new Map<string, string>();
  for await (const { id, place, body } of kept.all()) {
    const { taken } = packWithout(body, (one) => isOfKey(one, entity, key));
    if (taken > 0 || isOfKey(body, entity, key)) found.set(id, place);
  }
  if (found.size === 0) return [];
  // A record of another entity may have the same key, and a letter that names its body.
  await visitAll(async (message, letter) => {
    if (letter.entity !== name) found.delete(keptBodyOf(message) ?? '');
  }, signal);
  return [...found.values()];
}

/** The body of a letter's original; undefined if it is kept elsewhere and cannot be read there. */
const readableBody = (message: ConsumeMessage, { queue }: DeadLetter, kept: KeptStore): Promise<Buffer | undefined> =>
  originalBody(message, queue, kept).catch(() => undefined);

const deadQueueOf = (queues: readonly EntityQueue[], letter: DeadLetter): string =>
  queues.find(({ queue }) => queue === letter.queue)?.deadQueue ?? `${letter.queue}.dead`;

/** Why a letter stays that had to be read before. */
const STAYS: Problem = { code: 'stays', message: 'it is of another record, or nobody can tell', field: null };

/** Which letters stay is told in the certificate. */
const withoutFaults = (act: AuditedAct): AuditedAct => ({
  note: (step, detail = {}) => {
    const { faults: _faults, stayed: _stayed, ...told } = detail;
    return act.note(step, told);
  },
});

export const unseen = (queues: readonly EntityQueue[]): RetryableError => {
  const names = queues.map(({ deadQueue }) => deadQueue).join(', ');
  return new RetryableError('letters_unseen', `not all letters of ${names} could be looked at; try again`);
};
