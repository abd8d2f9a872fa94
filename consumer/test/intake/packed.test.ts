import { PACK_CONTENT_TYPE, placesOf } from '@tributary/shared';
import { expect, test } from 'vitest';
import { envelopeOf, recordsOf } from '../../src/intake/packed.js';

const inPack = (message: ReturnType<typeof pack>) => recordsOf(message, placesOf(message.content));
const pack = (messageId: string | undefined) => ({
  content: Buffer.from('{"id":"C-1"}\n{"id":"C-2"}'),
  fields: { deliveryTag: 1 },
  properties: { contentType: PACK_CONTENT_TYPE, messageId },
});

test.each([
  { what: 'no id', id: undefined },
  { what: 'an empty id', id: '' },
])('each record of a pack with $what has an id of its own', ({ id }) => {
  const records = [pack(id), pack(id)].flatMap(inPack);
  const ids = records.map((record) => envelopeOf(record, 'customer').messageId);
  expect(new Set(ids).size).toBe(4);
  for (const one of ids) expect(one).toMatch(/^[0-9a-f-]{36}$/);
  expect(records.map(({ properties }) => properties.messageId)).toEqual([undefined, undefined, undefined, undefined]);
});

test('a record of a pack has the id of the pack and its place', () => {
  const ids = inPack(pack('m1')).map((record) => envelopeOf(record, 'customer').messageId);
  expect(ids).toEqual(['m1.0000000', 'm1.0000001']);
});
