import { packedId, versionOrder } from '@tributary/shared';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeContent } from '../../src/ledger/content.js';
import { readOrder, writeOrder } from '../../src/ledger/order.js';
import { orders } from './orders.js';

const ID = '019b7600-0000-7000-8000-000000000001';
const HASH = '0123456789abcdef'.repeat(4);
/** The letters of both sides, which tell how they are written. */
const lettersOf = (text: string): string => text.replaceAll(/([^\t])[^\t]*/g, '$1');
const isOlder = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;

test('an order is read back as it was, also one that another program made', () => {
  const any = fc.oneof(orders, fc.string({ unit: 'binary' }));
  const readBack = fc.property(any, (order) => {
    expect(readOrder(writeOrder(order))).toBe(order);
  });
  fc.assert(readBack, { numRuns: 5_000 });
});

test('orders that are written alike compare as they did before', () => {
  fc.assert(
    fc.property(orders, orders, (a, b) => {
      const [left, right] = [writeOrder(a), writeOrder(b)];
      fc.pre(lettersOf(left) === lettersOf(right));
      expect(isOlder(left, right)).toBe(isOlder(a, b));
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  ['a time', '2025-01-01T00:00:00.123Z', 52],
  ['a time with microseconds', '2025-01-01T00:00:00.123456Z', 54],
  ['a number', '42', 54],
  ['nothing', '', 45],
])('the content of a row whose version is %s is short', (_what, version, length) => {
  expect(writeContent(HASH, versionOrder(version, packedId(ID, 99)))).toHaveLength(length);
});

test('an id that is no UUID, and a version of any text, stay as they are', () => {
  expect(writeOrder('v1 m1')).toBe('=v1 m1');
  expect(writeOrder(`00000000000000000042 ${ID.toUpperCase()}`)).toBe(`=00000000000000000042 ${ID.toUpperCase()}`);
});

test('what stands where a hash should is the content of no row, and one content is told from another', () => {
  const texts = [HASH, `-${HASH}`, '?', '', '-', 'edited', 'edited too', HASH.toUpperCase(), HASH.slice(1), `${HASH}0`];
  expect(new Set(texts.map((text) => writeContent(text, '1 m1'))).size).toBe(texts.length);
});
