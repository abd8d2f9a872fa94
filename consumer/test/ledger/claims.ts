import { versionOrder } from '@tributary/shared';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Ledger } from '../../src/ledger/port.js';
import { WriterLost } from '../../src/writer-lost.js';
import { CUSTOMERS, type LedgerHarness, MERGED, rowOf, useLedger, verdictsOf } from './harness.js';

/** What becomes of a row that asks to be written, while every writer lives. */
export function describeClaims(make: () => Promise<LedgerHarness>): void {
  const ledger = useLedger(make);
  let x: Ledger;
  let y: Ledger;
  beforeEach(async () => {
    x = ledger().writer('X');
    y = ledger().writer('Y');
    await Promise.all([x, y].map((writer) => writer.renewLease(60_000)));
  });
  const a = (order: string, key = 'k') => rowOf(CUSTOMERS, key, 'a', order);
  const b = (order: string, key = 'k') => rowOf(CUSTOMERS, key, 'b', order);
  const land = async (writer: Ledger, row: ReturnType<typeof a>) => {
    expect(await verdictsOf(writer, row)).toEqual(['accept']);
    await writer.commit(row.dataset, [row]);
  };

  describe('claims', () => {
    test('a new key is accepted, and the same message again is a duplicate, in flight and committed', async () => {
      expect(await verdictsOf(x, a('1 m1'), a('1 m1'))).toEqual(['accept', 'duplicate']);
      expect(await verdictsOf(x, a('1 m1'))).toEqual(['duplicate']);
      await x.commit(CUSTOMERS, [a('1 m1')]);
      expect(await verdictsOf(x, a('1 m1'))).toEqual(['duplicate']);
      expect(await verdictsOf(y, a('1 m1'))).toEqual(['duplicate']);
    });

    test('a key is known while a row of it is in flight, and when it is committed, to every writer, and in its dataset alone', async () => {
      const knows = async (writer: Ledger, dataset: string, keys: readonly string[]) =>
        (await writer.knows(dataset, keys)).known;
      expect(await knows(x, CUSTOMERS, [])).toEqual([]);
      expect(await knows(x, CUSTOMERS, ['k', 'other'])).toEqual([false, false]);
      await x.claim(CUSTOMERS, [a('1 m1')]);
      expect(await knows(y, CUSTOMERS, ['other', 'k'])).toEqual([false, true]);
      await x.commit(CUSTOMERS, [a('1 m1')]);
      await land(x, rowOf(CUSTOMERS, 'closed', null, '1 m2'));
      expect(await knows(y, CUSTOMERS, ['k', 'closed'])).toEqual([true, true]);
      expect(await knows(y, MERGED, ['k'])).toEqual([false]);
      const many = Array.from({ length: 1_200 }, (_, n) => (n === 700 ? 'k' : `n ${n}`));
      expect((await knows(y, CUSTOMERS, many)).indexOf(true)).toBe(700);
      expect(Math.abs((await y.knows(CUSTOMERS, many)).at - Date.now())).toBeLessThan(60_000);
      await ledger().loseEpoch();
      await expect(y.knows(CUSTOMERS, ['k'])).rejects.toThrow(WriterLost);
    });

    test('keys do not affect each other, and datasets do not either', async () => {
      await land(x, a('1 m1'));
      expect(await verdictsOf(x, a('1 m1', 'other'), rowOf(MERGED, 'k', 'a', '1 m1'))).toEqual(['accept', 'accept']);
    });

    test('a message that landed in the form of an older configuration is told, with the time of the change', async () => {
      await ledger().landInOldForm(a('2 m2'), 1_234);
      expect(await x.claim(CUSTOMERS, [b('2 m2'), b('2 m2')])).toEqual([
        { kind: 'reformed', reformedAt: 1_234 },
        { kind: 'reformed', reformedAt: 1_234 },
      ]);
      expect(await verdictsOf(x, a('2 m2'), b('1 m1'), b('3 m3'))).toEqual(['duplicate', 'stale', 'accept']);
    });

    test('the content of an older configuration that comes again is a duplicate, and is in its form from then on', async () => {
      await ledger().landInOldForm(a('2 m2'), 1_234);
      expect(await verdictsOf(x, a('3 m3'), b('2 m2'), b('3 m3'))).toEqual(['duplicate', 'stale', 'accept']);
    });

    test('a commit keeps the highest mark of each name, also if a lower one comes late', async () => {
      const commit = (key: string, ...marks: readonly { name: string; at: number }[]) =>
        x.commit(CUSTOMERS, [a('1 m1', key)], marks);
      await verdictsOf(x, ...['k1', 'k2', 'k3', 'k4'].map((key) => a('1 m1', key)));
      await commit('k1', { name: 'customers one', at: 9 });
      await commit('k2', { name: 'customers one', at: 10 }, { name: 'customers two', at: 1 });
      await commit('k3', { name: 'customers one', at: 2 });
      await commit('k4');
      expect(await ledger().marks()).toEqual({ 'customers one': '10', 'customers two': '1' });
    });

    test('no rows get no verdicts', async () => {
      expect(await x.claim(CUSTOMERS, [])).toEqual([]);
      await x.commit(CUSTOMERS, []);
    });

    test('the same content in another message is a duplicate, and what comes late from in between is stale', async () => {
      await land(x, a('1 m1'));
      expect(await verdictsOf(y, a('3 m3'))).toEqual(['duplicate']);
      expect(await verdictsOf(x, b('2 m2'))).toEqual(['stale']);
      expect(await verdictsOf(x, b('4 m4'))).toEqual(['accept']);
    });

    test('the same holds while the first is in flight with the same writer, and after its commit', async () => {
      expect(await verdictsOf(x, a('1 m1'), a('3 m3'), b('2 m2'))).toEqual(['accept', 'duplicate', 'stale']);
      await x.commit(CUSTOMERS, [a('1 m1')]);
      expect(await verdictsOf(x, b('2 m2'))).toEqual(['stale']);
    });

    test('the same content of an older message is a duplicate, and the newest order stays', async () => {
      expect(await verdictsOf(x, a('3 m3'), a('1 m1'))).toEqual(['accept', 'duplicate']);
      await x.commit(CUSTOMERS, [a('3 m3')]);
      expect(await verdictsOf(y, a('1 m1'), b('2 m2'))).toEqual(['duplicate', 'stale']);
    });

    test('a late older version is stale, whether the newer is committed or in flight with any writer', async () => {
      expect(await verdictsOf(x, a('2 m2'))).toEqual(['accept']);
      expect(await verdictsOf(x, b('1 m1'))).toEqual(['stale']);
      expect(await verdictsOf(y, b('1 m1'))).toEqual(['stale']);
      await x.commit(CUSTOMERS, [a('2 m2')]);
      expect(await verdictsOf(y, b('1 m1'))).toEqual(['stale']);
    });

    test('a row that was released counts as never asked for: it and others are judged by what had landed before', async () => {
      await land(x, a('1 m1'));
      expect(await verdictsOf(x, b('3 m3'), b('4 m4'))).toEqual(['accept', 'duplicate']);
      await x.release(CUSTOMERS, [b('3 m3')]);
      await x.release(CUSTOMERS, [b('3 m3')]);
      expect(await verdictsOf(y, a('1 m1'))).toEqual(['duplicate']);
      expect(await verdictsOf(y, rowOf(CUSTOMERS, 'k', 'c', '2 m2'))).toEqual(['accept']);
      await y.commit(CUSTOMERS, [rowOf(CUSTOMERS, 'k', 'c', '2 m2')]);
      expect(await verdictsOf(x, b('3 m3'))).toEqual(['accept']);
      await x.commit(CUSTOMERS, [b('3 m3')]);
      expect(await verdictsOf(y, b('3 m3'))).toEqual(['duplicate']);
    });

    test('a release leaves what is committed, other content, and what other writers have in flight', async () => {
      await land(x, a('1 m1'));
      expect(await verdictsOf(x, b('2 m2'))).toEqual(['accept']);
      await x.release(CUSTOMERS, [a('1 m1'), rowOf(CUSTOMERS, 'k', 'c', '2 m2')]);
      await y.release(CUSTOMERS, [b('2 m2'), b('2 m2', 'nothing')]);
      expect(await verdictsOf(y, b('2 m2'), a('1 m1'))).toEqual(['busy', 'stale']);
    });

    test('after a doubt every record that is not older is a change, also with the content that landed', async () => {
      await land(x, a('1 m1'));
      expect(await verdictsOf(x, b('3 m3'))).toEqual(['accept']);
      await x.doubt(CUSTOMERS, [b('3 m3'), b('3 m3', 'nothing')]);
      await x.doubt(CUSTOMERS, [b('4 m4')]);
      await x.release(CUSTOMERS, [b('3 m3')]);
      expect(await verdictsOf(y, a('1 m1'), a('2 m2'))).toEqual(['stale', 'stale']);
      expect(await verdictsOf(y, b('3 m3'))).toEqual(['accept']);
      await y.release(CUSTOMERS, [b('3 m3')]);
      await land(y, a('5 m5'));
      await x.doubt(CUSTOMERS, [b('4 m4')]);
      expect(await verdictsOf(y, a('6 m6'), b('3 m3', 'nothing'))).toEqual(['duplicate', 'accept']);
    });

    test('A, B and A again are three rows', async () => {
      await land(x, a('1 m1'));
      await land(y, b('2 m2'));
      await land(x, a('3 m3'));
      expect(await verdictsOf(y, a('3 m3'), b('2 m2'))).toEqual(['duplicate', 'stale']);
    });

    test('the same holds while B is in flight with the same writer, or with another', async () => {
      for (const [key, other] of [['own', x] as const, ['other', y] as const]) {
        await land(x, a('1 m1', key));
        expect(await verdictsOf(other, b('2 m2', key))).toEqual(['accept']);
        expect(await verdictsOf(x, a('3 m3', key))).toEqual(['accept']);
        await x.commit(CUSTOMERS, [a('3 m3', key)]);
        await other.commit(CUSTOMERS, [b('2 m2', key)]);
        expect(await verdictsOf(y, a('3 m3', key), b('2 m2', key))).toEqual(['duplicate', 'stale']);
      }
    });

    test('the same message in flight with another writer that lives is busy, and a duplicate after its commit', async () => {
      expect(await verdictsOf(x, a('1 m1'))).toEqual(['accept']);
      expect(await verdictsOf(y, a('1 m1'))).toEqual(['busy']);
      await x.commit(CUSTOMERS, [a('1 m1')]);
      expect(await verdictsOf(y, a('1 m1'))).toEqual(['duplicate']);
    });

    test('the same content of a newer message is busy too while another writer has it in flight', async () => {
      expect(await verdictsOf(x, a('1 m1'))).toEqual(['accept']);
      expect(await verdictsOf(y, a('2 m2'))).toEqual(['busy']);
      await x.commit(CUSTOMERS, [a('1 m1')]);
      expect(await verdictsOf(y, a('2 m2'))).toEqual(['duplicate']);
    });

    test('rows of one call see each other, even thousands of them', async () => {
      const rows = Array.from({ length: 1_200 }, (_, n) => a(versionOrder('1', `m${n}`), `k${n % 700}`));
      const verdicts = await verdictsOf(x, ...rows);
      expect(verdicts).toEqual(rows.map((_, n) => (n < 700 ? 'accept' : 'duplicate')));
      await x.commit(CUSTOMERS, rows.slice(0, 700));
      expect(new Set(await verdictsOf(y, ...rows))).toEqual(new Set(['duplicate']));
    });
  });

  describe('orders', () => {
    const older = (low: string, high: string) => async () => {
      await land(x, a(high, low));
      expect(await verdictsOf(x, b(low, low))).toEqual(['stale']);
      await land(x, a(low, high));
      expect(await verdictsOf(x, b(high, high))).toEqual(['accept']);
    };

    // Where punctuation does not count, as in the collation of many locales, the first of these is the newer.
    test(
      'a fraction of a second is older than a longer one',
      older('2025-01-01T00:00:00.123 m2', '2025-01-01T00:00:00.1234 m1'),
    );
    test('versions that are numbers compare as numbers', older(versionOrder('9', 'm2'), versionOrder('10', 'm1')));
    test('capitals come before small letters', older('1 mB', '1 ma'));
    test('orders compare by their bytes', older('1 m\uffee', '1 m\u{1f600}'));
    test('an order without a version compares by its message', older(versionOrder('', 'm1'), versionOrder('', 'm2')));
  });

  test('keys may hold whatever a record may', async () => {
    const keys = [
      'a b',
      'a,b',
      'a/b',
      'a%2Fb',
      '-',
      "'=1+1",
      '"',
      '\\n',
      '{x}',
      'ключ',
      '\u{1f600}',
      '*',
      'constructor',
    ];
    for (const key of keys) {
      await land(x, a('1 m1', key));
      expect(await verdictsOf(y, a('1 m1', key), b('0 m0', key))).toEqual(['duplicate', 'stale']);
    }
  });

  describe('tombstones', () => {
    const row = (order: string) => rowOf(MERGED, 'k', 'a', order);
    const tombstone = (order: string) => rowOf(MERGED, 'k', null, order);

    test('a tombstone closes what is there once', async () => {
      await land(x, row('1 m1'));
      await land(x, tombstone('2 m2'));
      expect(await verdictsOf(y, tombstone('2 m2'), tombstone('3 m3'))).toEqual(['duplicate', 'duplicate']);
    });

    test('a closed row may open again', async () => {
      await land(x, row('1 m1'));
      await land(x, tombstone('2 m2'));
      await land(x, row('3 m3'));
    });

    test('a tombstone of a key without a row is a duplicate, and an older row that comes late is stale', async () => {
      expect(await verdictsOf(x, tombstone('2 m2'))).toEqual(['duplicate']);
      expect(await verdictsOf(y, row('1 m1'))).toEqual(['stale']);
      expect(await verdictsOf(y, row('3 m3'))).toEqual(['accept']);
    });

    test('a tombstone of a record of which nothing is known is written, because its older content may still come', async () => {
      const deleted = (order: string) => rowOf(CUSTOMERS, 'k', null, order);
      await land(x, deleted('2 m2'));
      expect(await verdictsOf(y, deleted('2 m2'), deleted('3 m3'), a('1 m1'))).toEqual([
        'duplicate',
        'duplicate',
        'stale',
      ]);
    });

    test('a record, its deletion and the same record again are three rows, in one call too', async () => {
      const deleted = (order: string, key?: string) => rowOf(CUSTOMERS, key ?? 'k', null, order);
      await land(x, a('1 m1'));
      await land(y, deleted('1 m2'));
      await land(x, a('1 m3'));
      const again = [a('1 m1', 'other'), deleted('1 m2', 'other'), a('1 m3', 'other'), deleted('1 m2', 'other')];
      expect(await verdictsOf(x, ...again)).toEqual(['accept', 'accept', 'accept', 'duplicate']);
      await x.commit(CUSTOMERS, again.slice(0, 3));
      expect(await verdictsOf(y, ...again)).toEqual(['duplicate', 'stale', 'duplicate', 'stale']);
    });

    test('a tombstone is newer than a row in flight, and older than a newer one', async () => {
      expect(await verdictsOf(x, row('2 m2'))).toEqual(['accept']);
      expect(await verdictsOf(y, tombstone('1 m1'), tombstone('3 m3'))).toEqual(['stale', 'accept']);
    });
  });

  describe('merged rows that no message is sure to bring again', () => {
    const row = (order: string) => rowOf(MERGED, 'k', 'a', order);
    const tombstone = (order: string) => rowOf(MERGED, 'k', null, order);
    /** An order of a row that was made once more after a rebuild. */
    const again = (order: string) => `${order}+000000abc`;
    const held = (heldOrder: string) => ({ kind: 'held', heldOrder });

    test('one that was made once more after a rebuild is waited for by the messages that make the same, older ones too', async () => {
      expect(await verdictsOf(x, row(again('2 m2')))).toEqual(['accept']);
      expect(await verdictsOf(y, row('1 m1'), row('2 m2'), row(again('2 m2')), row('3 m3'))).toEqual([
        'busy',
        'busy',
        'busy',
        'busy',
      ]);
      await x.commit(MERGED, [row(again('2 m2'))]);
      expect(await verdictsOf(y, row('1 m1'), row('2 m2'), row('3 m3'))).toEqual([
        'duplicate',
        'duplicate',
        'duplicate',
      ]);
    });

    test('one that was made once more by a writer that died is taken over by the message of the same records', async () => {
      await x.claim(MERGED, [row(again('2 m2'))]);
      await x.releaseLease();
      expect(await y.claim(MERGED, [row('2 m2')])).toEqual([
        { kind: 'accept', takenFrom: ['X'], takenOrders: [again('2 m2')] },
      ]);
      await y.commit(MERGED, [row('2 m2')]);
      expect(await verdictsOf(x, row('3 m3')).catch(({ code }) => code)).toBe('fenced');
      expect(await verdictsOf(y, row(again('2 m2')))).toEqual(['duplicate']);
    });

    test('a tombstone in flight under a newer order is waited for too, and is taken over from a writer that died', async () => {
      await land(x, row('1 m1'));
      expect(await verdictsOf(x, tombstone('3 m3'))).toEqual(['accept']);
      expect(await verdictsOf(y, tombstone('2 m2'), tombstone('3 m3'), tombstone('4 m4'))).toEqual([
        'busy',
        'busy',
        'busy',
      ]);
      await x.releaseLease();
      expect(await y.claim(MERGED, [tombstone('2 m2')])).toEqual([
        { kind: 'accept', takenFrom: ['X'], takenOrders: ['3 m3'] },
      ]);
      await y.commit(MERGED, [tombstone('2 m2')]);
      expect(await verdictsOf(y, row('2 m9'), tombstone('3 m3'))).toEqual(['stale', 'duplicate']);
    });

    test('a tombstone that a writer holds which died is overtaken by its row once more, and made where it stays closed', async () => {
      for (const isBack of [true, false]) {
        const of = (content: string | null, order: string) => rowOf(MERGED, `back-${isBack}`, content, order);
        const [dead, next] = [ledger().writer(`dead-${isBack}`), y];
        await dead.renewLease(60_000);
        await land(dead, of('a', '1 m1'));
        expect(await verdictsOf(dead, of(null, '2 m2'))).toEqual(['accept']);
        if (isBack) await land(next, of('a', '3 m3'));
        await dead.releaseLease();
        expect(await verdictsOf(next, of(null, '2 m2'))).toEqual([isBack ? 'stale' : 'accept']);
        if (!isBack) await next.commit(MERGED, [of(null, '2 m2')]);
        // Neither is a repetition of what lay before.
        await land(next, isBack ? of(null, '4 m4') : of('a', '4 m4'));
      }
    });

    test('what this writer itself has in flight is told with its order, until it is committed', async () => {
      await land(x, row('1 m1'));
      expect(
        await x.claim(MERGED, [tombstone('3 m3'), tombstone('4 m4'), tombstone('2 m2'), tombstone('4 m4')]),
      ).toEqual([{ kind: 'accept' }, held('3 m3'), held('3 m3'), held('3 m3')]);
      await x.commit(MERGED, [tombstone('3 m3')]);
      expect(await verdictsOf(x, row('3 m9'), tombstone('5 m5'))).toEqual(['stale', 'duplicate']);
      expect(await x.claim(MERGED, [row(again('6 m6')), row('6 m6')])).toEqual([
        { kind: 'accept' },
        held(again('6 m6')),
      ]);
    });

    test('a record waits for no other that holds its own row, also if it is deleted', async () => {
      expect(await verdictsOf(x, rowOf(CUSTOMERS, 'k', null, '2 m2'), a('2 m2+000000abc', 'other'))).toEqual([
        'accept',
        'accept',
      ]);
      expect(await verdictsOf(y, rowOf(CUSTOMERS, 'k', null, '1 m1'), a('1 m1', 'other'))).toEqual([
        'duplicate',
        'duplicate',
      ]);
      expect(await verdictsOf(x, rowOf(CUSTOMERS, 'k', null, '2 m2'))).toEqual(['duplicate']);
    });
  });

  describe('commits', () => {
    test('a commit of older content leaves the newer as it is', async () => {
      expect(await verdictsOf(x, a('1 m1'), b('2 m2'))).toEqual(['accept', 'accept']);
      await x.commit(CUSTOMERS, [b('2 m2')]);
      await x.commit(CUSTOMERS, [a('1 m1')]);
      expect(await verdictsOf(y, b('2 m2'), a('1 m1'))).toEqual(['duplicate', 'stale']);
    });

    test("an older claim on a record's own row stays, because its message asks for it again", async () => {
      expect(await verdictsOf(x, a('1 m1'))).toEqual(['accept']);
      await land(y, b('2 m2'));
      expect(await verdictsOf(y, a('1 m1'))).toEqual(['busy']);
    });

    test('an older claim on a merged row is removed, because no message asks for it again', async () => {
      const [old, next] = [rowOf(MERGED, 'k', 'a', '1 m1'), rowOf(MERGED, 'k', 'b', '2 m2')];
      expect(await verdictsOf(x, old)).toEqual(['accept']);
      await land(y, next);
      expect(await verdictsOf(y, old)).toEqual(['stale']);
      expect(await verdictsOf(y, rowOf(MERGED, 'k', 'a', '3 m3'))).toEqual(['accept']);
    });
  });
}
