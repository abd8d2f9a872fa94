import { type Envelope, PACK_CONTENT_TYPE, PACK_HEADER, packBodies, publishOptions } from '@tributary/shared';
import type { Options } from 'amqplib';

/** A message as the producer makes it, with the AMQP properties for the bare publisher. */
export interface Message {
  readonly envelope: Envelope;
  readonly body: Buffer;
  readonly options: Options.Publish;
}

export interface Shape {
  readonly count: number;
  /** One record in this many is new; the others repeat earlier ones, as in polls that find few changes. */
  readonly newEvery?: number;
  /** Order lines of each customer. */
  readonly lines?: number;
}

/** The number of items that order lines refer to. */
export const ITEMS = 50;

const CHANGED_AT = '2026-01-01T00:00:00.000Z';

/** The same records in every run. */
export function customerMessages({ count, newEvery = 1, lines = 0 }: Shape): Message[] {
  return Array.from({ length: count }, (_, index) => {
    const isNew = index % newEvery === 0;
    const record = customerRecord(isNew ? index / newEvery : anyBelow(Math.ceil(index / newEvery), index), lines);
    return messageOf('customer', record.id, record, index);
  });
}

/** The same records in packs, as the producer makes them when the broker does not keep up. */
export function packed(messages: readonly Message[], records: number): Message[] {
  const packs: Message[] = [];
  for (let from = 0; from < messages.length; from += records) {
    const together = messages.slice(from, from + records);
    const [first] = together;
    if (first === undefined) break;
    const { key: _key, version: _version, ...headers } = first.options.headers as Record<string, unknown>;
    packs.push({
      envelope: first.envelope,
      body: packBodies(together.map(({ body }) => body)),
      options: {
        ...first.options,
        contentType: PACK_CONTENT_TYPE,
        headers: { ...headers, [PACK_HEADER]: together.length },
      },
    });
  }
  return packs;
}

/** Spread evenly, and the same in every run. */
const anyBelow = (limit: number, index: number): number => (index * 7_919) % limit;

export function itemMessages(): Message[] {
  return Array.from({ length: ITEMS }, (_, index) => {
    const sku = skuOf(index);
    const item = { sku, name: `Item ${index}`, category: 'Tools', price: 10 + index / 4, currency: 'EUR', stock: 5 };
    return messageOf('inventory', sku, { ...item, reorderLevel: 3, warehouse: 'Kiel', updatedAt: CHANGED_AT }, index);
  });
}

export function customerRecord(index: number, lines: number) {
  const number = String(index).padStart(7, '0');
  return {
    id: `C-${number}`,
    name: `Ada Example ${index % 977}`,
    email: `ada.${number}@example.com`,
    phone: '030 555 0123',
    company: index % 3 === 0 ? 'Umbrella, Ltd.' : 'Acme',
    city: 'Kiel',
    country: 'DE',
    segment: 'business',
    // With a step of seven, no customer of up to 50 lines has a sku twice.
    lines: Array.from({ length: lines }, (_, line) => ({ sku: skuOf((index + line * 7) % ITEMS), quantity: line + 1 })),
    updatedAt: CHANGED_AT,
  };
}

/** When a message was made, in milliseconds since the epoch: the first 48 bits of a UUIDv7 (RFC 9562, section 5.7). */
export const timeOfMessage = (messageId: string): number =>
  Number.parseInt(messageId.replaceAll('-', '').slice(0, 12), 16);

const skuOf = (index: number): string => `SKU-${String(index).padStart(5, '0')}`;

function messageOf(entity: string, key: string, record: object, index: number): Message {
  const envelope: Envelope = {
    // In the form of a UUIDv7 (RFC 9562), in the order of the messages.
    messageId: `019b7600-0000-7000-8000-${index.toString(16).padStart(12, '0')}`,
    endpoint: 'bench',
    entity,
    key,
    version: CHANGED_AT,
    run: 1,
    fetchedAt: CHANGED_AT,
    traceparent: `00-0af7651916cd43dd8448eb211c80319c-${index.toString(16).padStart(16, '0')}-01`,
  };
  return { envelope, body: Buffer.from(JSON.stringify(record)), options: publishOptions(envelope) };
}
