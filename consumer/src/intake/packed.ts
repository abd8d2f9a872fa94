import { type Entity, PACK_HEADER, PUBLICATION_HEADER, packedId, parseBody, unpackBodies } from '@tributary/shared';
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

/**
 * The records of a pack. One without any (empty, from another program) is taken as a record, which is no JSON, and so becomes a
 * dead letter.
 */
export function recordsOf({ content, fields, properties }: BrokerMessage): BrokerMessage[] {
  // The pack's own: it is settled as a whole.
  const { [PUBLICATION_HEADER]: _publication, [PACK_HEADER]: _records, ...headers } = properties.headers ?? {};
  const shared = { ...properties, contentType: 'application/json', headers };
  const { messageId } = properties;
  const bodies = unpackBodies(content);
  return (bodies.length === 0 ? [content] : bodies).map((body, place) => {
    // Without an id, each record gets one of its own (see readEnvelope).
    const id = messageId === undefined ? undefined : packedId(messageId, place);
    return new PackedMessage(body, fields, shared, id);
  });
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
