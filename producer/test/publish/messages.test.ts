import { describe, expect, it } from 'vitest';
import { createIds } from '../../src/publish/ids.js';
import { messageMaker } from '../../src/publish/messages.js';
import { endpointWith } from '../support/pipeline.js';

const endpoint = endpointWith({ url: 'http://127.0.0.1:1/' });
const fetchedAt = '2026-03-01T12:00:00.000Z';
const messageOf = (record: unknown) => messageMaker(endpoint, 7, createIds())(record, Date.parse(fetchedAt));

describe('a message', () => {
  it('has an envelope that says where its record came from', () => {
    expect(messageOf({ id: 'c1', updatedAt: '2026-03-01T13:00:00+02:00' }).envelope).toEqual({
      messageId: expect.any(String),
      endpoint: 'crm',
      entity: 'customer',
      key: 'c1',
      version: '2026-03-01T11:00:00.000Z',
      run: 7,
      fetchedAt,
      traceparent: expect.any(String),
    });
  });

  it('carries the record as the API sent it, unknown fields and odd values too', () => {
    const record = { id: 'c1', unknown: { deep: [1, null] }, name: '=cmd()\n"é😀"\u0000' };
    expect(JSON.parse(messageOf(record).body.toString())).toEqual(record);
  });

  it.each([[{ name: 'x' }], [{ id: null }], [{ id: '' }], [{ id: {} }], [null], [7], ['text'], [[]]])(
    'is made of %j too, which has no key: the consumer judges it',
    (record) => {
      const { envelope, body } = messageOf(record);
      expect(envelope.key).toBeUndefined();
      expect(envelope.version).toBe('');
      expect(JSON.parse(body.toString())).toEqual(record);
    },
  );

  it('leaves a key out of its envelope that no AMQP header could hold', () => {
    const id = 'x'.repeat(200_000);
    const { envelope, body } = messageOf({ id });
    expect(envelope.key).toBeUndefined();
    expect(JSON.parse(body.toString())).toEqual({ id });
  });
});
