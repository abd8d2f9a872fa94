import { createHash } from 'node:crypto';
import { type ConsumeMessage, DEAD_LETTER_HEADERS, type EntityQueue, readEnvelope } from '@tributary/shared';
import type { Verdict } from './verdict.js';

/** A message that can never succeed, as a list shows it; its whole body stays in RabbitMQ. */
export interface DeadLetter {
  /** Names the letter for as long as it is there. It is a hash of the letter, since RabbitMQ gives messages no names. */
  readonly id: string;
  /** The queue that it came from; it is on `<queue>.dead` now. */
  readonly queue: string;
  readonly entity: string;
  readonly endpoint: string;
  readonly key: string | null;
  readonly messageId: string;
  readonly version: string;
  readonly run: number;
  /** ISO 8601 in UTC; '' if the message does not say. */
  readonly fetchedAt: string;
  readonly deadAt: string;
  /** Why, for programs: `field_invalid`, `not_json`, ... */
  readonly code: string;
  /** Why, for people; and what the letter had no room for. */
  readonly reason: string;
  readonly field: string | null;
  /** Bytes of its body, which may be kept elsewhere (kept-bodies.ts). */
  readonly size: number;
  /** The beginning of its body, in one line. */
  readonly preview: string;
}

/** One dead letter in full. */
export interface WholeLetter {
  readonly letter: DeadLetter;
  /** Its body as text. */
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** A letter as a list has it. */
export interface ListedLetter extends DeadLetter {
  /** What would become of its record now. */
  readonly now: Verdict;
}

/** Characters of a body that a list shows. */
const PREVIEW = 160;
/** Characters that a list keeps of any text from outside: a hundred thousand letters must fit into memory. */
const LONGEST = 400;
/** Characters of a key that a letter names. */
const LONGEST_KEY = 512;

/** Reads a message on a dead-letter queue. */
export function readLetter(message: ConsumeMessage, { entity, queue }: EntityQueue): DeadLetter {
  const headers = message.properties.headers ?? {};
  const text = (name: string): string | undefined => {
    const value: unknown = headers[name];
    return typeof value === 'string' ? value.slice(0, LONGEST) : undefined;
  };
  const envelope = readEnvelope(message, entity);
  const messageId = typeof message.properties.messageId === 'string' ? envelope.messageId : '';
  const deadAt = text(DEAD_LETTER_HEADERS.deadAt) ?? '';
  const { content } = message;
  return {
    id: idOf(queue, messageId, deadAt, content),
    queue,
    entity,
    endpoint: envelope.endpoint.slice(0, LONGEST),
    key: envelope.key?.slice(0, LONGEST_KEY) ?? null,
    messageId,
    version: envelope.version.slice(0, LONGEST),
    run: envelope.run,
    fetchedAt: envelope.fetchedAt,
    deadAt,
    // Without our headers it was RabbitMQ that gave the message up: by a delivery limit or the queue's length.
    code: text(DEAD_LETTER_HEADERS.code) ?? text('x-first-death-reason') ?? 'unknown',
    reason: [
      text(DEAD_LETTER_HEADERS.reason) ?? brokersReason(text('x-first-death-reason')),
      text(DEAD_LETTER_HEADERS.cut),
    ]
      .filter((words) => words !== undefined)
      .join('; '),
    field: text(DEAD_LETTER_HEADERS.field) ?? null,
    size: keptBytes(headers[DEAD_LETTER_HEADERS.keptBytes]) ?? content.length,
    preview: content
      .subarray(0, PREVIEW * 4)
      .toString('utf8')
      .replaceAll(/\s+/g, ' ')
      .slice(0, PREVIEW),
  };
}

const keptBytes = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

function brokersReason(reason: string | undefined): string {
  return reason === undefined ? 'the message does not say why it is here' : `RabbitMQ gave it up: ${reason}`;
}

/** Letters with the same id are copies of one another, and what is done to one may be done to the other. */
function idOf(queue: string, messageId: string, deadAt: string, content: Buffer): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([queue, messageId, deadAt]))
    .update(content);
  // A shell would take a word that begins with a dash for an option.
  return hash.digest('base64url').slice(0, 22).replace(/^-/, 'A');
}

/** The criterion `field` of letters whose reason names no field. */
export const NO_FIELD = '(none)';

/** Which dead letters are meant: those that meet every criterion that is given. */
export interface LetterMatch {
  readonly id?: string | undefined;
  readonly queue?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly code?: string | undefined;
  readonly field?: string | undefined;
  /** Words that must all occur in its key, its reason or the beginning of its body, in any letter case. */
  readonly search?: string | undefined;
}

/** An empty criterion is none, but for the id: none has an empty one. */
export function matches(letter: DeadLetter, match: LetterMatch): boolean {
  if (match.id !== undefined && letter.id !== match.id) return false;
  for (const name of ['queue', 'endpoint', 'code', 'field'] as const) {
    if (match[name] !== undefined && match[name] !== '' && (letter[name] ?? NO_FIELD) !== match[name]) return false;
  }
  const words = (match.search ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const { key, reason, preview, messageId, endpoint } = letter;
  const text = [key ?? '', reason, preview, messageId, endpoint].join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}
