import type { Options } from 'amqplib';
import { v7 as newMessageId } from 'uuid';
import { PoisonError } from '../errors.js';
import { PUBLICATION_HEADER, PUBLISHED_AFTER_HEADER } from '../redis/publication-numbers.js';
import { parseJson } from './json.js';

/** What travels with a record: where it came from, and when. The record itself is the body of the message, as JSON. */
export interface Envelope {
  /** UUIDv7 (RFC 9562): unique, and sorts by the time of the fetch, also within one page. */
  readonly messageId: string;
  readonly endpoint: string;
  readonly entity: string;
  /** The record's key; undefined if it has none: the consumer then dead-letters it for that reason. */
  readonly key: string | undefined;
  readonly version: string;
  /** The number of the poll of this endpoint that fetched it. */
  readonly run: number;
  /** When the response that held it had arrived, as ISO 8601 in UTC. */
  readonly fetchedAt: string;
  /** W3C Trace Context, so that a trace spans producer and consumer. */
  readonly traceparent: string;
}

/**
 * The form of a message that holds one record, for versions that change it: this one writes no such header, reads messages of this form or
 * without it, and leaves the others to consumers of a later version. Packs have a header of their own (pack.ts).
 */
export const RECORD_FORMAT_HEADER = 'recordFormat';
export const RECORD_FORMAT = 1;

/** What a message is known by until it is settled. */
export interface PublishedNumber {
  /** As of PUBLICATION_HEADER. */
  readonly text: string;
  /** As of PUBLISHED_AFTER_HEADER. */
  readonly after: number;
}

/**
 * The AMQP properties of a message: persistent, mandatory, and readable in RabbitMQ's management UI.
 * @param number as of redis/publications.ts, for messages that are numbered
 */
export function publishOptions(envelope: Envelope, number?: PublishedNumber): Options.Publish {
  return {
    persistent: true,
    mandatory: true,
    contentType: 'application/json',
    messageId: envelope.messageId,
    type: envelope.entity,
    appId: 'tributary',
    timestamp: Math.floor(Date.parse(envelope.fetchedAt) / 1000),
    headers: {
      endpoint: envelope.endpoint,
      ...(envelope.key === undefined ? {} : { key: envelope.key }),
      version: envelope.version,
      run: envelope.run,
      fetchedAt: envelope.fetchedAt,
      traceparent: envelope.traceparent,
      ...(number === undefined ? {} : { [PUBLICATION_HEADER]: number.text, [PUBLISHED_AFTER_HEADER]: number.after }),
    },
  };
}

/** What an envelope is read from: the properties of a message, whose publisher may be any program. */
export interface EnvelopedMessage {
  readonly properties: {
    readonly messageId?: unknown;
    readonly headers?: Readonly<Record<string, unknown>> | undefined;
  };
}

/**
 * The envelope of a delivery. A message that another program published may have no headers and no id; it is processed all the
 * same, with the endpoint "unknown" and a new id. Its key and version are read from the record in any case.
 */
export function readEnvelope(message: EnvelopedMessage, entity: string): Envelope {
  const { messageId, headers = {} } = message.properties;
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return {
    // It becomes part of an order, and text in every sink: so it may hold no spaces and no NUL.
    messageId: usableId(text(messageId)) || newMessageId(),
    endpoint: text(headers.endpoint) ?? 'unknown',
    entity,
    key: text(headers.key),
    version: text(headers.version) ?? '',
    run: typeof headers.run === 'number' ? headers.run : 0,
    fetchedAt: text(headers.fetchedAt) ?? '',
    traceparent: text(headers.traceparent) ?? '',
  };
}

const usableId = (id = ''): string => (/^[\x21-\x7e]*$/.test(id) ? id : id.replaceAll(/[^\x21-\x7e]/g, '_'));

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The record in the body of a message, not yet validated.
 * @throws PoisonError if it is not JSON in UTF-8
 */
export const parseBody = (content: Uint8Array): unknown => parsed(() => utf8.decode(content));

/**
 * {@link parseBody} for a body of ASCII, which is its own text.
 * @throws PoisonError if it is not JSON
 */
export const parseAscii = (text: string): unknown => parsed(() => text);

function parsed(read: () => string): unknown {
  try {
    return parseJson(read());
  } catch (cause) {
    const message = `the message body is not JSON: ${(cause as Error).message}`;
    throw new PoisonError('not_json', message, undefined, { cause });
  }
}

/** Headers that a dead letter carries beside those of the original message, so that people and programs see why it is there. */
export const DEAD_LETTER_HEADERS = {
  code: 'tributary-error-code',
  reason: 'tributary-reason',
  field: 'tributary-field',
  queue: 'tributary-queue',
  deadAt: 'tributary-dead-at',
  /** What of the original's headers and properties is not in the letter. */
  cut: 'x-tributary-cut',
  /** The body is not in the letter, but kept with the output under this name (kept-bodies.ts); and how many bytes it has. */
  kept: 'tributary-kept-body',
  keptBytes: 'tributary-kept-bytes',
} as const;

/** Marks a message that a person sent back from the dead letters. */
export const REPLAY_HEADER = 'tributary-replay';
