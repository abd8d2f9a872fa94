import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Ledger } from '../../src/ledger/port.js';
import { WriterLost } from '../../src/writer-lost.js';
import { CUSTOMERS, type LedgerHarness, MERGED, rowOf, useLedger, verdictsOf } from './harness.js';

const a = (order: string) => rowOf(CUSTOMERS, 'k', 'a', order);
const b = (order: string) => rowOf(CUSTOMERS, 'k', 'b', order);
const each = { key: 'c', order: '1 m1', payload: '{}', lines: ['i'] };
const item = { key: 'i', order: '1 m1', payload: '{}', after: '' };

/** Every call that a writer may make. */
const CALLS: Readonly<Record<string, (writer: Ledger) => Promise<unknown>>> = {
  claim: (writer) => writer.claim(CUSTOMERS, [b('9 m9')]),
  commit: (writer) => writer.commit(CUSTOMERS, [a('1 m1')]),
  release: (writer) => writer.release(CUSTOMERS, [a('1 m1')]),
  doubt: (writer) => writer.doubt(CUSTOMERS, [a('1 m1')]),
  'join each': (writer) => writer.joinEach(MERGED, [each]),
  'join with': (writer) => writer.joinWith(MERGED, [item], 10),
  'close lines': (writer) => writer.closeLines(MERGED, [each]),
  'renew its lease': (writer) => writer.renewLease(60_000),
  'give its lease back': (writer) => writer.releaseLease(),
};

/** Writers that die or hang, answers that get lost, a memory that is gone. */
export function describeFailures(make: () => Promise<LedgerHarness>): void {
  const ledger = useLedger(make);
  let x: Ledger;
  let y: Ledger;
  let z: Ledger;
  beforeEach(async () => {
    [x, y, z] = [ledger().writer('X'), ledger().writer('Y'), ledger().writer('Z')];
    await Promise.all([x, y, z].map((writer) => writer.renewLease(60_000)));
  });

  describe('take-overs', () => {
    test('what a writer holds that gave its lease back is taken over, and the verdict names that writer', async () => {
      await x.claim(CUSTOMERS, [a('1 m1')]);
      await x.releaseLease();
      expect(await y.claim(CUSTOMERS, [a('1 m1')])).toEqual([
        { kind: 'accept', takenFrom: ['X'], takenOrders: ['1 m1'] },
      ]);
      expect(await verdictsOf(z, a('1 m1'))).toEqual(['busy']);
    });

    test('what a writer holds is busy before its lease runs out, and taken over after', async () => {
      await x.claim(CUSTOMERS, [a('1 m1')]);
      expect(await verdictsOf(y, a('1 m1'))).toEqual(['busy']);
      await x.renewLease(50);
      const takeOver = async () => expect((await y.claim(CUSTOMERS, [a('1 m1')]))[0]?.takenFrom).toEqual(['X']);
      await vi.waitFor(takeOver);
    });

    test('a writer that never took a lease counts as dead', async () => {
      await ledger()
        .writer('W')
        .claim(CUSTOMERS, [a('1 m1')]);
      expect((await y.claim(CUSTOMERS, [a('1 m1')]))[0]?.takenFrom).toEqual(['W']);
    });

    test('the verdict names all writers that ever held the row, the latest first', async () => {
      await x.claim(CUSTOMERS, [a('1 m1')]);
      await x.releaseLease();
      await y.claim(CUSTOMERS, [a('1 m1')]);
      await y.releaseLease();
      expect(await z.claim(CUSTOMERS, [a('1 m1')])).toEqual([
        { kind: 'accept', takenFrom: ['Y', 'X'], takenOrders: ['1 m1'] },
      ]);
      await z.commit(CUSTOMERS, [a('1 m1')]);
      expect(await verdictsOf(z, a('1 m1'))).toEqual(['duplicate']);
    });

    test('a row is taken over by its content too, and the verdict tells every order under which it was held', async () => {
      await x.claim(CUSTOMERS, [a('1 m1')]);
      await x.releaseLease();
      expect(await y.claim(CUSTOMERS, [a('2 m2')])).toEqual([
        { kind: 'accept', takenFrom: ['X'], takenOrders: ['1 m1'] },
      ]);
      await y.releaseLease();
      expect(await z.claim(CUSTOMERS, [a('3 m3')])).toEqual([
        { kind: 'accept', takenFrom: ['Y', 'X'], takenOrders: ['2 m2', '1 m1'] },
      ]);
      expect(await verdictsOf(z, a('1 m1'), b('2 m2'))).toEqual(['duplicate', 'stale']);
    });

    test('the verdict tells an order too that the first writer only noted for a duplicate', async () => {
      await x.claim(CUSTOMERS, [a('1 m1'), a('2 m2')]);
      await x.releaseLease();
      expect((await y.claim(CUSTOMERS, [a('1 m1')]))[0]?.takenOrders).toEqual(['1 m1', '2 m2']);
      await y.commit(CUSTOMERS, [a('1 m1')]);
      expect(await verdictsOf(z, b('1 m9'))).toEqual(['stale']);
    });

    test('the older message of a row that a newer one has taken over is a duplicate, whichever writer holds the row', async () => {
      await x.claim(CUSTOMERS, [a('1 m1')]);
      await x.releaseLease();
      await y.claim(CUSTOMERS, [a('2 m2')]);
      expect(await verdictsOf(z, a('1 m1'))).toEqual(['duplicate']);
      await y.releaseLease();
      expect(await verdictsOf(z, a('1 m1'))).toEqual(['duplicate']);
      expect((await z.claim(CUSTOMERS, [a('2 m2')]))[0]?.takenFrom).toEqual(['Y', 'X']);
    });

    test('other content of a dead writer is not taken over, and does not block a newer row', async () => {
      await x.claim(CUSTOMERS, [a('1 m1')]);
      await x.releaseLease();
      expect(await y.claim(CUSTOMERS, [b('2 m2')])).toEqual([{ kind: 'accept' }]);
      await x.renewLease(60_000);
    });

    test('a writer whose lease ran out may go on as long as no other writer has taken over from it', async () => {
      await x.claim(CUSTOMERS, [a('1 m1')]);
      await x.releaseLease();
      await x.renewLease(60_000);
      expect(await verdictsOf(y, a('1 m1'))).toEqual(['busy']);
      await x.commit(CUSTOMERS, [a('1 m1')]);
      expect(await verdictsOf(y, a('1 m1'))).toEqual(['duplicate']);
    });
  });

  for (const [name, call] of Object.entries(CALLS)) {
    test(`a writer that was taken over from cannot ${name}`, async () => {
      await x.claim(CUSTOMERS, [a('1 m1')]);
      await x.releaseLease();
      await y.claim(CUSTOMERS, [a('1 m1')]);
      const before = await ledger().state();
      await expect(call(x)).rejects.toEqual(new WriterLost('fenced'));
      expect(await ledger().state()).toEqual(before);
      await call(y);
    });

    test(`no writer can ${name} when the epoch is gone`, async () => {
      await x.claim(CUSTOMERS, [a('1 m1')]);
      const before = await ledger().state();
      await ledger().loseEpoch();
      await expect(call(x)).rejects.toEqual(new WriterLost('lost'));
      expect(await ledger().state()).toEqual(before);
    });
  }

  describe('calls whose first answer was lost', () => {
    let s: Ledger;
    beforeEach(async () => {
      s = ledger().stutterer('S');
      await s.renewLease(60_000);
    });

    test('claims and commits have the answers and the effect of one', async () => {
      await x.claim(CUSTOMERS, [rowOf(CUSTOMERS, 'dead', 'a', '1 m1')]);
      await x.releaseLease();
      const rows = [
        a('1 m1'),
        a('1 m1'),
        a('2 m2'),
        b('3 m3'),
        rowOf(CUSTOMERS, 'k', 'c', '0 m0'),
        rowOf(CUSTOMERS, 'dead', 'a', '1 m1'),
      ];
      const verdicts = await s.claim(CUSTOMERS, rows);
      expect(verdicts.map(({ kind }) => kind)).toEqual([
        'accept',
        'duplicate',
        'duplicate',
        'accept',
        'stale',
        'accept',
      ]);
      expect(verdicts.at(-1)).toEqual({ kind: 'accept', takenFrom: ['X'], takenOrders: ['1 m1'] });
      await s.commit(CUSTOMERS, [a('1 m1'), b('3 m3')]);
      expect(await verdictsOf(y, b('3 m3'), a('2 m2'))).toEqual(['duplicate', 'stale']);
      expect(await verdictsOf(y, rowOf(CUSTOMERS, 'dead', 'a', '1 m1'))).toEqual(['busy']);
    });

    test('joins have the answers and the effect of one', async () => {
      const record = { key: 'c', order: '1 m1', payload: 'each', lines: ['i', 'j'] };
      expect(await s.joinEach(MERGED, [record])).toEqual([{ found: [undefined, undefined], closed: [] }]);
      const other = { order: '1 m2', payload: 'with' };
      expect(await s.joinWith(MERGED, [{ key: 'i', ...other, after: '' }], 10)).toEqual([
        { pointing: [{ key: 'c', side: { order: '1 m1', payload: 'each' } }], after: undefined },
      ]);
      const shorter = { ...record, order: '2 m3', lines: ['j'] };
      expect(await s.joinEach(MERGED, [shorter])).toEqual([
        { found: [undefined], closed: [{ line: 'i', sides: [other] }] },
      ]);
      await s.closeLines(MERGED, [shorter]);
      expect(await s.joinEach(MERGED, [shorter])).toEqual([{ found: [undefined], closed: [] }]);
    });

    test('the same holds for merged rows', async () => {
      const merged = (content: string, order: string) => rowOf(MERGED, 'k', content, order);
      await y.claim(MERGED, [merged('a', '1 m1')]);
      expect(await verdictsOf(s, merged('b', '2 m2'))).toEqual(['accept']);
      await s.commit(MERGED, [merged('b', '2 m2')]);
      expect(await verdictsOf(z, merged('a', '1 m1'))).toEqual(['stale']);
    });
  });
}
