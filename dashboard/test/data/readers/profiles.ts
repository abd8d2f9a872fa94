import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ColumnProfile, View } from '../../../src/data/readers/port.js';
import { time } from '../../sample.js';
import type { ReaderHarness } from './conformance.js';

const never = new AbortController().signal;

/** What every reader must tell of the values of columns, for any sink. */
export function describeProfiles(name: string, open: () => Promise<ReaderHarness>): void {
  describe(`the ${name} reader tells of columns`, () => {
    let harness: ReaderHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const look = async (view: View = 'latest') => {
      const profile = await harness.reader.profile('customers', view, never);
      const columns = new Map(profile?.columns.map((one) => [one.column.name, one]));
      const column = (of: string): ColumnProfile => columns.get(of) ?? expect.fail(`${of} is missing`);
      return { profile, column };
    };

    it('that nothing was written', async () => {
      const { profile } = await look();
      expect(profile).toMatchObject({ rows: 0, since: null, left: 0 });
      expect(await harness.reader.profile('nothing', 'latest', never)).toBeUndefined();
    });

    it('the empty, the different, the least and the most, and when they began', async () => {
      await harness.write([
        { key: 'a', at: 1, values: { name: 'Zoe', spent: -5, active: true } },
        { key: 'b', at: 2, values: { name: 'Ada', spent: 95, active: true, balance: '12345678901234567890.5' } },
        { key: 'c', at: 3, values: { name: 'Ada', spent: 10.5, note: 'x'.repeat(5_000), points: 7 } },
        { key: 'd', at: 4, values: { name: '🦊', spent: 0, lines: [{ sku: 's', quantity: 1 }] } },
      ]);
      const { profile, column } = await look();
      expect(profile).toMatchObject({ rows: 4, since: time(1) });
      expect(profile?.columns.map((one) => one.column.name)).not.toContain('_key');
      expect(column('name')).toMatchObject({ empty: 0, distinct: 3, isAbout: false, least: 'Ada', most: '🦊' });
      expect(column('name').examples[0]).toEqual({ value: 'Ada', count: 2 });
      expect(column('name').histogram).toBeNull();
      expect(column('spent')).toMatchObject({ empty: 0, distinct: 4, least: '-5', most: '95' });
      expect(column('spent').histogram).toHaveLength(20);
      expect(column('spent').histogram?.flatMap((rows, step) => (rows > 0 ? [[step, rows]] : []))).toEqual([
        [0, 1],
        [1, 1],
        [3, 1],
        [19, 1],
      ]);
      expect(column('active')).toMatchObject({ empty: 2, distinct: 1, examples: [{ value: 'true', count: 2 }] });
      expect(column('balance')).toMatchObject({ empty: 3, least: '12345678901234567890.5', since: time(2) });
      expect(column('points')).toMatchObject({ empty: 3, least: '7', most: '7', histogram: [1], since: time(3) });
      expect(column('note').most).toBe(`${'x'.repeat(100)}…`);
      expect(column('note').examples).toEqual([{ value: `${'x'.repeat(100)}…`, count: 1 }]);
      expect(column('updatedAt')).toMatchObject({ least: time(1), most: time(4), distinct: 4 });
      expect(column('updatedAt').histogram?.reduce((sum, rows) => sum + rows)).toBe(4);
      expect(column('lines')).toMatchObject({ empty: 3, distinct: 1, least: null, most: null });
    });

    it('of the rows that are there, or of every row ever written, without tombstones', async () => {
      await harness.write([
        { key: 'a', at: 1, values: { note: 'old' } },
        { key: 'a', at: 2, values: { note: 'new' } },
        { key: 'b', at: 3, values: { note: 'gone' } },
        { key: 'b', at: 4, deleted: true },
      ]);
      const latest = await look();
      expect(latest.profile?.rows).toBe(1);
      expect(latest.column('note')).toMatchObject({ distinct: 1, least: 'new', since: time(2) });
      const history = await look('history');
      expect(history.profile?.rows).toBe(3);
      expect(history.column('note')).toMatchObject({ empty: 0, distinct: 3, least: 'gone', since: time(1) });
    });

    it('with many different values about how many there are, and some of them', async () => {
      const rows = Array.from({ length: 12_000 }, (_, index) => ({
        key: `k${index}`,
        at: 1,
        values: { spent: index },
      }));
      await harness.write(rows);
      const { column } = await look();
      expect(column('spent')).toMatchObject({ isAbout: true, least: '0', most: '11999' });
      expect(column('spent').distinct).toBeGreaterThan(9_000);
      expect(column('spent').distinct).toBeLessThanOrEqual(12_000);
      expect(column('spent').examples).toHaveLength(5);
      expect(column('spent').examples[0]?.count).toBeNull();
      expect(column('spent').histogram).toEqual(new Array(20).fill(600));
    });

    it.each([
      ['one beside 100', [5e-324, 100]],
      ['one below 0', [-5e-324, 100]],
      ['those of either end', [1e-280, 2e-280, 1e299, -1e299]],
      ['two alike', [5e-324, 5e-324]],
    ])('of numbers that are nearly 0: %s', async (_what, numbers) => {
      await harness.write(numbers.map((spent, index) => ({ key: `k${index}`, at: 1, values: { spent } })));
      const { histogram } = (await look()).column('spent');
      expect(histogram?.reduce((sum, rows) => sum + rows)).toBe(numbers.length);
    });

    it('of decimals that no double holds', async () => {
      const balance = `0.${'0'.repeat(400)}1`;
      await harness.write([balance, '3'].map((one, index) => ({ key: `k${index}`, at: 1, values: { balance: one } })));
      const { histogram } = (await look()).column('balance');
      expect(histogram?.reduce((sum, rows) => sum + rows)).toBe(2);
    });

    it('and stops when nobody waits', async () => {
      await harness.write([{ key: 'a', at: 1 }]);
      const gone = AbortSignal.abort(new Error('gone'));
      await expect(harness.reader.profile('customers', 'latest', gone)).rejects.toThrow('gone');
    });
  });
}
