import {
  bodiesOf,
  type Entity,
  MOST_PACKED,
  PACK_HEADER,
  PoisonError,
  PUBLICATION_HEADER,
  PUBLISHED_AFTER_HEADER,
  packedId,
  parseBody,
} from '@tributary/shared';
import type { BrokerMessage, BrokerProperties } from './channel.js';

/**
 * One record of a pack, as a message that had come alone. So it is decoded, claimed, buried and copied as any other; its dead letter
 * holds this record only.
 */
class PackedMessage implements BrokerMessage {
  readonly content: Buffer;
  readonly fields: BrokerMessage['fields'];
  readonly #shared: BrokerProperties;
  readonly #messageId: string | undefined;
  #key: string | undefined;

  constructor(content: Buffer, fields: BrokerMessage['fields'], shared: BrokerProperties, id: string | undefined) {
    this.content = content;
    this.fields = fields;
    this.#shared = shared;
    this.#messageId = id;
  }

  get properties(): BrokerProperties {
    const { headers } = this.#shared;
    const own = { ...this.#shared, messageId: this.#messageId };
    return this.#key === undefined ? own : { ...own, headers: { ...headers, key: this.#key } };
  }

  /** Tells people the key of a record that cannot be written: a pack has none. */
  nameKey(key: string): void {
    this.#key = key;
  }
}

/** The records of a pack, each as a message. */
export function recordsOf({ content, fields, properties }: BrokerMessage): BrokerMessage[] {
  // The pack's own: it is settled as a whole.
  const {
    [PUBLICATION_HEADER]: _publication,
    [PUBLISHED_AFTER_HEADER]: _after,
    [PACK_HEADER]: _records,
    ...headers
  } = properties.headers ?? {};
  const shared = { ...properties, contentType: 'application/json', headers };
  const { messageId } = properties;
  const records: BrokerMessage[] = [];
  for (const body of bodiesOf(content)) {
    // Without an id, each record gets one of its own (see readEnvelope).
    const id = messageId === undefined ? undefined : packedId(messageId, records.length);
    records.push(new PackedMessage(body, fields, shared, id));
  }
  return records;
}

/** Why a pack of another program is none, and is buried as it is; undefined for one that is in order. */
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
  let key: string | undefined;
  try {
    key = entity.keyOf(parseBody(message.content));
  } catch {
    // What is no JSON has no key.
  }
  if (key !== undefined && key.length <= LONGEST_KEY) message.nameKey(key);
}
