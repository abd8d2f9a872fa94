import {
  DEAD_LETTER_HEADERS,
  FRAME_OVERHEAD,
  fittingHeaders,
  letterMessageId,
  MOST_HEADER_BYTES,
  type PoisonError,
  tableSize,
  tellCut,
} from '@tributary/shared';
import type { BrokerProperties } from '../intake/channel.js';

/** The properties of a dead letter: those of the original, and what makes it safe on its way. */
export interface CopyOptions extends Omit<BrokerProperties, 'expiration' | 'userId' | 'clusterId'> {
  readonly persistent?: boolean;
  readonly mandatory?: boolean;
}

/** A header that numbers the copies, so that a copy that the broker could not route is told from the others. */
export const COPY = 'tributary-copy';

/** What a letter says of itself, beside what it has of the original. */
export interface LetterWords {
  readonly error: PoisonError;
  readonly queue: string;
  readonly deadAt: string;
  readonly copy: number;
  /** If the body is kept elsewhere: its name there, and its size in bytes. */
  readonly kept?: { readonly id: string; readonly bytes: number } | undefined;
}

/**
 * Properties of the original that a letter must not have, because RabbitMQ would act on them: it checks the user's name
 * against that of the connection, and drops messages that expire. Their values are kept in headers.
 */
const TO_HEADERS = ['userId', 'expiration', 'clusterId'] as const;

/** Texts of at most 255 bytes in AMQP. They survive as they are, unless bytes that were not UTF-8 have made them longer. */
const TEXTS = ['messageId', 'type', 'appId', 'contentType', 'contentEncoding', 'correlationId', 'replyTo'] as const;

/** Headers by which RabbitMQ routes copies to other queues as well. Their values are kept under other names. */
const ROUTING: readonly string[] = ['CC', 'BCC'];

/**
 * Headers that only a letter may have. A record that came with them could name the kept body of another letter: the dashboard would
 * show that body as this record's, send it again as such, and delete it with this letter.
 */
const LETTERS_OWN: readonly string[] = [
  DEAD_LETTER_HEADERS.kept,
  DEAD_LETTER_HEADERS.keptBytes,
  DEAD_LETTER_HEADERS.field,
  DEAD_LETTER_HEADERS.cut,
];

const RENAMED: ReadonlySet<string> = new Set([...ROUTING, ...LETTERS_OWN]);

/** RabbitMQ answers to the consumer of this pseudo-queue, and closes the channel if there is none. */
const DIRECT_REPLY = 'amq.rabbitmq.reply-to';

/** Characters that are left of a text that does not fit. */
const BEGINNING = 200;

/** The share of a frame that the reason may take in characters, and the header that tells what was cut: at most three bytes each. */
const SHARE = 16;

/**
 * The properties and headers of a letter: those of the original as far as they fit into one frame, as AMQP asks for it, and
 * what the letter says of itself. What does not fit, or cannot be encoded, is cut, and the letter tells so.
 * @param frameMax the bytes of a frame, as agreed with the broker
 */
export function copyOptions(original: BrokerProperties, words: LetterWords, frameMax = MOST_HEADER_BYTES): CopyOptions {
  const cut: string[] = [];
  const moved: Record<string, unknown> = {};
  const properties = textsOf(original, moved, cut);
  const { timestamp, priority } = original;
  const isTime = timestamp === undefined || (Number.isSafeInteger(timestamp) && timestamp >= 0);
  if (!isTime) moved['tributary-original-timestamp'] = String(timestamp);
  for (const name of TO_HEADERS) {
    if (original[name] !== undefined) moved[`tributary-original-${name}`] = original[name];
  }
  const most = Math.min(frameMax, MOST_HEADER_BYTES) - FRAME_OVERHEAD;
  const longest = Math.floor(most / SHARE);
  const own = { ...moved, ...headersOf(words, longest) };
  const textBytes = Object.values(properties).reduce((sum, text) => sum + 1 + Buffer.byteLength(text), 0);
  const room = most - longest * 3 - textBytes - (tableSize(own) ?? most);
  const kept = fittingHeaders(original.headers ?? {}, room, cut, (name) =>
    RENAMED.has(name) ? `tributary-original-${name}` : name,
  );
  const headers = {
    ...kept,
    ...own,
    ...(cut.length === 0 ? {} : { [DEAD_LETTER_HEADERS.cut]: tellCut(cut, longest) }),
  };
  if (textBytes + (tableSize(headers) ?? most) > most) return bareOptions(original, words);
  return {
    ...properties,
    timestamp: isTime ? timestamp : undefined,
    priority,
    persistent: true,
    mandatory: true,
    headers,
  };
}

/** The last resort, where even the copy cannot be sent: nothing of the original but its id. */
export function bareOptions({ messageId }: BrokerProperties, words: LetterWords): CopyOptions {
  const headers = {
    ...headersOf(words, BEGINNING),
    [DEAD_LETTER_HEADERS.cut]: 'every header and property of the original',
  };
  const id = messageId === undefined ? undefined : letterMessageId(messageId);
  return { messageId: id, persistent: true, mandatory: true, headers };
}

function headersOf({ error, queue, deadAt, copy, kept }: LetterWords, longest: number): Record<string, unknown> {
  const { code, message, field } = error;
  return {
    [DEAD_LETTER_HEADERS.code]: code,
    [DEAD_LETTER_HEADERS.reason]: message.slice(0, longest),
    ...(field === undefined ? {} : { [DEAD_LETTER_HEADERS.field]: field.slice(0, longest) }),
    [DEAD_LETTER_HEADERS.queue]: queue,
    [DEAD_LETTER_HEADERS.deadAt]: deadAt,
    ...(kept === undefined ? {} : { [DEAD_LETTER_HEADERS.kept]: kept.id, [DEAD_LETTER_HEADERS.keptBytes]: kept.bytes }),
    [COPY]: copy,
  };
}

function textsOf(original: BrokerProperties, moved: Record<string, unknown>, cut: string[]): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const name of TEXTS) {
    const text = original[name];
    if (text === undefined) continue;
    if (name === 'replyTo' && text.startsWith(DIRECT_REPLY)) moved[`tributary-original-${name}`] = text;
    else if (Buffer.byteLength(text) <= 255) properties[name] = text;
    else {
      moved[`tributary-original-${name}`] = text;
      cut.push(`property ${name} (longer than 255 bytes)`);
    }
  }
  return properties;
}
