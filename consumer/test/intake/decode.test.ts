import { gzipSync } from 'node:zlib';
import { PoisonError, tombstoneHash, versionOrder } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import type { BrokerMessage } from '../../src/intake/channel.js';
import { decode } from '../../src/intake/decode.js';
import { KnownRecords } from '../../src/intake/known-records.js';
import { Settler } from '../../src/intake/settle.js';
import { FakeChannel } from '../support/fake-channel.js';
import { FakeClock } from '../support/fake-clock.js';
import { CUSTOMER, customer, messageOf } from '../support/records.js';

const settler = new Settler({
  channel: new FakeChannel(),
  clock: new FakeClock(),
  prefetch: 250,
  isStarved: () => false,
  over: new AbortController().signal,
});
const none = new KnownRecords().of(CUSTOMER);
const deliveryOf = (...of: Parameters<typeof messageOf>) => deliver(messageOf(...of));
const deliver = (message: BrokerMessage) => settler.track(message, 0);

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

function refusalOf(body: unknown): PoisonError {
  try {
    decode(deliveryOf(body), CUSTOMER, none);
  } catch (error) {
    if (error instanceof PoisonError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a delivery', () => {
  test('becomes a record and the row that it asks for', () => {
    const { record, row, envelope } = decode(deliveryOf(customer({ phone: null, extra: 1 }), 'm7'), CUSTOMER, none);
    expect(record).toMatchObject({ entity: 'customer', key: 'C-1', unknownFields: ['extra'] });
    expect(row).toEqual({
      dataset: 'customers',
      key: 'C-1',
      hash: record.hash,
      messageId: 'm7',
      version: '2025-01-01T00:00:00.000Z',
      order: versionOrder('2025-01-01T00:00:00.000Z', 'm7'),
      values: customer({ updatedAt: '2025-01-01T00:00:00.000Z' }),
    });
    expect(envelope).toMatchObject({ endpoint: 'crm-customers', run: 7, messageId: 'm7' });
  });

  test('has the same hash in every run and from every endpoint', () => {
    const hash = (...of: Parameters<typeof messageOf>) => decode(deliveryOf(...of), CUSTOMER, none).record.hash;
    expect(hash(customer(), 'm2', { run: 8, endpoint: 'other' })).toBe(hash(customer(), 'm1'));
    expect(hash(customer({ updatedAt: '2025-01-01T01:00:00+01:00' }))).toBe(hash(customer()));
    expect(hash(customer({ name: 'Bob' }))).not.toBe(hash(customer()));
  });

  test('whose bytes were read before is not read again, and asks for a row of its own message', () => {
    const known = new KnownRecords().of(CUSTOMER);
    const first = decode(deliveryOf(customer(), 'm1'), CUSTOMER, known);
    known.keep(first.delivery.message.content, first.record);
    const second = decode(deliveryOf(customer(), 'm2'), CUSTOMER, known);
    expect([first.isKnown, second.isKnown]).toEqual([false, true]);
    expect(second.record).toBe(first.record);
    expect(second.row).toEqual({
      ...first.row,
      messageId: 'm2',
      order: versionOrder('2025-01-01T00:00:00.000Z', 'm2'),
    });
    expect(decode(deliveryOf(customer({ name: 'Bob' }), 'm3'), CUSTOMER, known).isKnown).toBe(false);
  });

  test('that says that its record is deleted becomes a tombstone, also when its bytes were read before', () => {
    const known = new KnownRecords().of(CUSTOMER);
    const body = { ...customer(), _deleted: true };
    const { record, row, delivery } = decode(deliveryOf(body, 'm7'), CUSTOMER, known);
    expect(row).toEqual({
      dataset: 'customers',
      key: 'C-1',
      hash: tombstoneHash('customer', 'C-1', '2025-01-01T00:00:00.000Z'),
      messageId: 'm7',
      version: '2025-01-01T00:00:00.000Z',
      order: versionOrder('2025-01-01T00:00:00.000Z', 'm7'),
      values: null,
    });
    known.keep(delivery.message.content, record);
    const again = decode(deliveryOf(body, 'm8'), CUSTOMER, known);
    expect(again).toMatchObject({ isKnown: true, row: { values: null, hash: row.hash, messageId: 'm8' } });
    expect(decode(deliveryOf(customer(), 'm9'), CUSTOMER, known)).toMatchObject({
      isKnown: false,
      record: { deleted: false },
    });
  });

  test('that another program published is accepted, as of an unknown endpoint', () => {
    const delivery = deliver({ ...messageOf(customer()), properties: { messageId: 'm1', headers: {} } });
    expect(decode(delivery, CUSTOMER, none).envelope.endpoint).toBe('unknown');
  });

  test.each([
    ['is not JSON', '{"id": "C-1"', 'not_json', undefined],
    ['is not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), 'not_json', undefined],
    ['is HTML', '<html>502 Bad Gateway</html>', 'not_json', undefined],
    ['is empty', Buffer.alloc(0), 'not_json', undefined],
    ['is UTF-16', Buffer.from('\ufeff{"id":"C-1"}', 'utf16le'), 'not_json', undefined],
    ['is compressed', gzipSync('{"id":"C-1"}'), 'not_json', undefined],
    ['is nested deep', nested(100_000), 'not_an_object', undefined],
    ['has a key that is nested deep', `{"id":${nested(100_000)}}`, 'key_missing', 'id'],
    ['is a list', '[]', 'not_an_object', undefined],
    ['is null', 'null', 'not_an_object', undefined],
    [
      'says in a text that it is deleted',
      JSON.stringify(customer({ _deleted: 'true' })),
      'deleted_invalid',
      '_deleted',
    ],
    ['has no key', JSON.stringify({ name: 'Ada' }), 'key_missing', 'id'],
    ['has a key with a line end', JSON.stringify(customer({ id: 'C\n1' })), 'key_invalid', 'id'],
    ['has a field of a wrong type', JSON.stringify(customer({ name: 5 })), 'field_invalid', 'name'],
    [
      'has a line without a quantity',
      JSON.stringify(customer({ lines: [{ sku: 'S' }] })),
      'field_invalid',
      'lines.0.quantity',
    ],
    [
      'has a version that is no time',
      JSON.stringify(customer({ updatedAt: 'yesterday' })),
      'field_invalid',
      'updatedAt',
    ],
  ])('that %s is refused, with endpoint, code and field', (_, body, code, field) => {
    const refusal = refusalOf(body);
    expect(refusal).toMatchObject({ code, field });
    expect(refusal.message).toMatch(/^endpoint crm-customers: /);
  });

  test('that is refused names its entity, key and field, and shows little of its content', () => {
    const { message } = refusalOf(JSON.stringify(customer({ email: { text: 'x'.repeat(5_000_000) } })));
    expect(message).toContain('customer C-1: field "email"');
    expect(message.length).toBeLessThan(300);
  });
});
