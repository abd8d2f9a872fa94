import { createHash } from 'node:crypto';
import { type ConsumeMessage, DEAD_LETTER_HEADERS, type EntityQueue, readEnvelope } from '@tributary/shared';

/** A message that can never succeed, as a list shows it: its body stays in RabbitMQ. */
export interface DeadLetter {
  /** Names it for as long as it lies there: made of what it is, since RabbitMQ gives it no name. */
  readonly id: string;
  /** The queue that it came from; it lies on `<queue>.dead`. */
  readonly queue: string;
  readonly entity: string;
  readonly endpoint: string;
  readonly key: string | null;
  readonly messageId: string;
  readonly version: string;
  readonly run: number;
  /** ISO 8601 in UTC; '' if it does not say. */
  readonly fetchedAt: string;
  readonly deadAt: string;
  /** Why, for programs: `field_invalid`, `not_json`, ... */
  readonly code: string;
  /** Why, for people. */
  readonly reason: string;
  readonly field: string | null;
  /** Bytes of its body. */
  readonly size: number;
  /** How its body begins, in one line. */
  readonly preview: string;
}

/** Characters of a body that a list shows. */
const PREVIEW = 160;
/** What a list keeps of text from outside: a hundred thousand letters must fit into memory. */
const LONGEST = 400;

/** What a message on a dead-letter queue says of itself. */
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
    key: envelope.key?.slice(0, 512) ?? null,
    messageId,
    version: envelope.version.slice(0, LONGEST),
    run: envelope.run,
    fetchedAt: envelope.fetchedAt,
    deadAt,
    // Without our headers, RabbitMQ itself gave it up: the delivery limit, or a queue's length.
    code: text(DEAD_LETTER_HEADERS.code) ?? text('x-first-death-reason') ?? 'unknown',
    reason: text(DEAD_LETTER_HEADERS.reason) ?? brokersReason(text('x-first-death-reason')),
    field: text(DEAD_LETTER_HEADERS.field) ?? null,
    size: content.length,
    preview: content
      .subarray(0, PREVIEW * 4)
      .toString('utf8')
      .replaceAll(/\s+/g, ' ')
      .slice(0, PREVIEW),
  };
}

function brokersReason(reason: string | undefined): string {
  return reason === undefined ? 'it does not say why it is here' : `RabbitMQ gave it up: ${reason}`;
}

/** Two that agree in all of this are copies of one another, and what is done to either may be done to both. */
function idOf(queue: string, messageId: string, deadAt: string, content: Buffer): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([queue, messageId, deadAt]))
    .update(content);
  // A shell takes what begins with a dash for an option.
  return hash.digest('base64url').slice(0, 22).replace(/^-/, 'A');
}

/** Which dead letters are meant: every criterion that is given must hold. */
export interface LetterMatch {
  readonly id?: string | undefined;
  readonly queue?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly code?: string | undefined;
  readonly field?: string | undefined;
  /** Words that must all occur in its key, reason or the beginning of its body, in any letter case. */
  readonly search?: string | undefined;
}

export function matches(letter: DeadLetter, match: LetterMatch): boolean {
  for (const name of ['id', 'queue', 'endpoint', 'code', 'field'] as const) {
    if (match[name] !== undefined && match[name] !== '' && letter[name] !== match[name]) return false;
  }
  const words = (match.search ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const { key, reason, preview, messageId, endpoint } = letter;
  const text = [key ?? '', reason, preview, messageId, endpoint].join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}
