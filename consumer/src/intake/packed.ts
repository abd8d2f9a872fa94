import { isAscii } from 'node:buffer';
import {
  type Entity,
  type Envelope,
  MOST_PACKED,
  PACK_FORMAT_HEADER,
  PACK_HEADER,
  PoisonError,
  PUBLICATION_HEADER,
  PUBLISHED_AFTER_HEADER,
  packedId,
  parseAscii,
  parseBody,
  readEnvelope,
} from '@tributary/shared';
import type { BrokerMessage, BrokerProperties } from './channel.js';

/** What the records of a pack have in common: it is read once for all of them. */
class PackedTogether {
  readonly content: Buffer;
  readonly isAscii: boolean;
  readonly fields: BrokerMessage['fields'];
  readonly properties: BrokerProperties;
  #envelope: Envelope | undefined;

  constructor({ content, fields, properties }: BrokerMessage) {
    // The pack's own: it is settled as a whole.
    const {
      [PUBLICATION_HEADER]: _publication,
      [PUBLISHED_AFTER_HEADER]: _after,
      [PACK_HEADER]: _records,
      [PACK_FORMAT_HEADER]: _format,
      ...headers
    } = properties.headers ?? {};
    this.content = content;
    this.isAscii = isAscii(content);
    this.fields = fields;
    this.properties = { ...properties, contentType: 'application/json', headers };
  }

  /** Of the pack itself. */
  envelope(entity: string): Envelope {
    this.#envelope ??= readEnvelope(this, entity);
    return this.#envelope;
  }
}

/**
 * One record of a pack, as a message that had come alone. So it is decoded, claimed, buried and copied as any other; its dead letter
 * holds this record only. What few records are asked for is made when it is asked for.
 */
class PackedMessage implements BrokerMessage {
  readonly #pack: PackedTogether;
  readonly #from: number;
  readonly #to: number;
  readonly #place: number;
  #key: string | undefined;

  /** @param from where its body begins in that of the pack; it ends at `to` */
  constructor(pack: PackedTogether, place: number, from: number, to: number) {
    this.#pack = pack;
    this.#place = place;
    this.#from = from;
    this.#to = to;
  }

  get content(): Buffer {
    return this.#pack.content.subarray(this.#from, this.#to);
  }

  get fields(): BrokerMessage['fields'] {
    return this.#pack.fields;
  }

  get properties(): BrokerProperties {
    const shared = this.#pack.properties;
    const own = { ...shared, messageId: this.#messageId };
    return this.#key === undefined ? own : { ...own, headers: { ...shared.headers, key: this.#key } };
  }

  /** Its bytes as Latin-1. */
  get bytes(): string {
    return this.#pack.content.toString('latin1', this.#from, this.#to);
  }

  get size(): number {
    return this.#to - this.#from;
  }

  get isAscii(): boolean {
    return this.#pack.isAscii;
  }

  get headers(): BrokerProperties['headers'] {
    return this.#pack.properties.headers;
  }

  envelope(entity: string): Envelope {
    if (this.#messageId === undefined) return readEnvelope(this, entity);
    const { endpoint, key, version, run, fetchedAt, traceparent, messageId: packId } = this.#pack.envelope(entity);
    const id = packedId(packId, this.#place);
    return { messageId: id, endpoint, entity, key, version, run, fetchedAt, traceparent };
  }

  /** Without an id of the pack, each record gets one of its own (see readEnvelope). Places alone are the same in every pack. */
  get #messageId(): string | undefined {
    const { messageId } = this.#pack.properties;
    return messageId === undefined || messageId === '' ? undefined : packedId(messageId, this.#place);
  }

  /** Tells people the key of a record that cannot be written: a pack has none. */
  nameKey(key: string): void {
    this.#key = key;
  }
}

/** The records of a pack, each as a message, by the places where they lie (placesOf). */
export function recordsOf(message: BrokerMessage, places: readonly number[]): BrokerMessage[] {
  const pack = new PackedTogether(message);
  const records: BrokerMessage[] = [];
  for (let at = 0; at < places.length; at += 2) {
    records.push(new PackedMessage(pack, records.length, places[at] ?? 0, places[at + 1] ?? 0));
  }
  return records;
}

/** As {@link readEnvelope}, at less cost for a record of a pack. */
export const envelopeOf = (message: BrokerMessage, entity: string): Envelope =>
  message instanceof PackedMessage ? message.envelope(entity) : readEnvelope(message, entity);

export const headersOf = (message: BrokerMessage): BrokerProperties['headers'] =>
  message instanceof PackedMessage ? message.headers : message.properties.headers;

/** The bytes of the body of a message. */
export const sizeOf = (message: BrokerMessage): number =>
  message instanceof PackedMessage ? message.size : message.content.length;

/** The body of a message as Latin-1, which has a character for each byte. */
export const bytesOf = (message: BrokerMessage): string =>
  message instanceof PackedMessage ? message.bytes : message.content.toString('latin1');

/**
 * The record in the body of a message, not yet validated.
 * @param bytes as of {@link bytesOf}
 * @throws PoisonError if it is not JSON in UTF-8
 */
export function recordIn(message: BrokerMessage, bytes: string): unknown {
  const isText = message instanceof PackedMessage ? message.isAscii : isAscii(message.content);
  return isText ? parseAscii(bytes) : parseBody(message.content);
}

/** Why a pack cannot be taken apart, and is buried as it is; undefined for one that is in order. */
export function faultOfPack(records: number): PoisonError | undefined {
  if (records === 0)
    return new PoisonError('pack_empty', 'the message is a pack (application/x-ndjson) without a record');
  if (records <= MOST_PACKED) return undefined;
  const what = `the message is a pack (application/x-ndjson) of more than ${MOST_PACKED} records`;
  return new PoisonError('pack_too_large', `${what}; send them in several`);
}

/** A longer key has no place in a header. */
const LONGEST_KEY = 512;

/** Names the key of a packed record for people, before it is buried: the headers of its pack do not. */
export function nameKey(message: BrokerMessage, entity: Entity): void {
  if (!(message instanceof PackedMessage)) return;
  const key = keyIn(message.content, entity);
  if (key !== undefined && key.length <= LONGEST_KEY) message.nameKey(key);
}

/** The key of a record that may be no valid one. */
export function keyIn(body: Uint8Array, entity: Entity): string | undefined {
  try {
    return entity.keyOf(parseBody(body));
  } catch {
    // What is no JSON has no key.
    return undefined;
  }
}
