import type { DeadRecordGroup } from '@tributary/consumer';
import { parsePipeline } from '@tributary/shared';
import { expect, test } from 'vitest';
import { diedSince, endpointsOf } from '../../src/library/died.js';

const group = (endpoint: string, count: number, field = 'total', again = 0): DeadRecordGroup => ({
  endpoint,
  entity: 'order',
  code: 'field_invalid',
  field,
  reason: `order 1: field "${field}" is "x"`,
  keys: ['1'],
  count,
  again,
});

test('what died in a round is what was not there before it', () => {
  const before = [group('a', 3, 'total', 1), group('b', 1)];
  const after = [group('a', 5, 'total', 2), group('b', 1), group('a', 2, 'name')];
  expect(diedSince(before, after)).toEqual([group('a', 2, 'total', 1), group('a', 2, 'name')]);
});

test('the marks that would pass a dead record are those of its endpoint and of all that it is polled for', () => {
  const config = parsePipeline(
    `
entities: { order: { dataset: orders, queue: orders, key: id, fields: { id: string } } }
endpoints:
  shops: { url: "http://127.0.0.1:1", entity: order }
  orders: { url: "http://127.0.0.1:1/{{parent.id}}", entity: order, parent: { endpoint: shops } }
  lines: { url: "http://127.0.0.1:1/{{parent.id}}", entity: order, parent: { endpoint: orders } }
  other: { url: "http://127.0.0.1:1", entity: order }`,
    {},
    'test.yaml',
  );
  expect([...endpointsOf([group('lines', 1)], config)]).toEqual(['lines', 'orders', 'shops']);
  expect([...endpointsOf([group('other', 1)], config)]).toEqual(['other']);
  expect([...endpointsOf([], config)]).toEqual([]);
  // Another program may have published it, for which endpoint nobody knows.
  expect(endpointsOf([group('unknown', 1)], config).size).toBe(4);
});
