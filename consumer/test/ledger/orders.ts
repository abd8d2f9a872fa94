import { mergedOrder, packedId, versionOrder } from '@tributary/shared';
import fc from 'fast-check';

// Few values, so that orders meet, and some that differ in one place alone.
const version = fc.constantFrom(
  '',
  '2025-01-01T00:00:00.123Z',
  '2025-01-01T00:00:00.124Z',
  '2025-12-31T23:59:59.999Z',
  '2025-01-01T00:00:00.1234Z',
  '2025-01-01T00:00:00.123401Z',
  '2025-01-01T00:00:00.1234567Z',
  '1969-12-31T23:59:59.999Z',
  '2105-12-31T23:59:59.999Z',
  '2106-01-01T00:00:00.000Z',
  '7',
  '12',
  String(Number.MAX_SAFE_INTEGER),
  '12345678901234567890',
  'v1',
);
const ID = '019b7600-0000-7000-8000-000000000001';
const messageId = fc.constantFrom(
  ID,
  ID.replace(/1$/, '2'),
  '019b7600-0000-7000-bfff-ffffffffffff',
  ID.toUpperCase(),
  packedId(ID, 0),
  packedId(ID, 64),
  packedId(ID, 4_095),
  packedId(ID, 4_096),
  'm1',
  'a message',
);
const single = fc.tuple(version, messageId).map(([of, id]) => versionOrder(of, id));

/** Orders of every form: of records and merged rows, some of them made once more (remergedAt in merge/rows.ts). */
export const orders = fc
  .tuple(
    fc.oneof(
      single,
      fc.tuple(single, single).map(([left, right]) => mergedOrder(left, right)),
    ),
    fc.constantFrom('', '', '+000000abc'),
  )
  .map(([order, again]) => order + again);
