import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChartQuery } from '../../../src/data/readers/port.js';
import { type SampleRow, time } from '../../sample.js';
import type { ReaderHarness } from './conformance.js';

const never = new AbortController().signal;

/** What every reader must draw of a selection, for any sink. */
export function describeCharts(name: string, open: () => Promise<ReaderHarness>): void {
  describe(`the ${name} reader draws`, () => {
    let harness: ReaderHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const draw = (query: Partial<ChartQuery> & Pick<ChartQuery, 'chart' | 'x'>) =>
      harness.reader.chart('customers', { view: 'latest', search: '', where: [], how: 'average', ...query }, never);
    const written = (all: readonly SampleRow['values'][], at = 1) =>
      harness.write(all.map((values = {}, index) => ({ key: `k${index}`, at, values })));

    it('nothing of no rows, and no chart of another dataset', async () => {
      const empty = { rows: [], total: 0, drawn: 0, left: 0 };
      expect(await draw({ chart: 'histogram', x: 'spent' })).toMatchObject(empty);
      expect(await draw({ chart: 'bar', x: 'name', y: 'spent' })).toMatchObject(empty);
      expect(await draw({ chart: 'scatter', x: 'updatedAt', y: 'spent', by: 'note' })).toMatchObject(empty);
      const query = { view: 'latest', search: '', where: [], how: 'sum', chart: 'bar', x: 'name' } as const;
      expect(await harness.reader.chart('nothing', query, never)).toBeUndefined();
    });

    it('how numbers are spread in round steps, with those that have no row', async () => {
      await written([{ points: 3 }, { points: 17 }, { points: 3 }, { points: 100 }, { points: undefined }]);
      const drawn = await draw({ chart: 'histogram', x: 'points' });
      expect(drawn).toMatchObject({ total: 5, drawn: 4, step: 5, left: 0 });
      expect(drawn?.columns).toEqual([
        { name: 'points', type: 'integer' },
        { name: 'rows', type: 'integer' },
      ]);
      expect(drawn?.rows).toHaveLength(21);
      expect(drawn?.rows.filter(([, rows]) => rows !== 0)).toEqual([
        [0, 2],
        [15, 1],
        [100, 1],
      ]);
    });

    it('one value as one bar, and decimals in the step that they begin', async () => {
      await written([{ points: 7 }, { points: 7 }]);
      expect((await draw({ chart: 'histogram', x: 'points' }))?.rows).toEqual([[7, 2]]);
      await written(
        ['0.1', '0.2', '0.3', '0.6', '0.7'].map((balance) => ({ balance })),
        2,
      );
      const { rows = [], step } = (await draw({ chart: 'line', x: 'balance', y: 'balance', how: 'sum' })) ?? {};
      expect(step).toBe(0.005);
      expect(rows.map((row) => row.map((one) => Number(one).toFixed(3)).join())).toEqual(
        ['0.100', '0.200', '0.300', '0.600', '0.700'].map((one) => `${one},${one}`),
      );
    });

    it('a line over time, of rows or of what stands for their values, with a line for each value of a column', async () => {
      await harness.write(
        Array.from({ length: 48 }, (_, hour) => ({
          key: `k${hour}`,
          at: hour * 25,
          values: { spent: hour, note: hour % 2 === 0 ? 'even' : 'odd' },
        })),
      );
      const rows = await draw({ chart: 'bar', x: 'updatedAt' });
      expect(rows).toMatchObject({
        step: 7 * 86_400_000,
        drawn: 48,
        columns: [{ type: 'datetime' }, { name: 'rows' }],
      });
      expect(rows?.rows[0]?.[0]).toBe('2026-01-05T00:00:00.000Z');
      expect(rows?.rows.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(48);
      const by = await draw({ chart: 'line', x: 'updatedAt', y: 'spent', how: 'most', by: 'note' });
      expect(by?.columns.map((one) => one.name)).toEqual(['updatedAt', 'note', 'spent']);
      expect(by?.rows.slice(0, 2)).toEqual([
        [time(0), 'even', 0],
        ['2026-01-06T00:00:00.000Z', 'odd', 1],
      ]);
      const counted = await draw({ chart: 'line', x: 'updatedAt', by: 'note' });
      expect(counted?.rows.slice(0, 2)).toEqual([
        [time(0), 'even', 1],
        [time(0), 'odd', 0],
      ]);
    });

    it.each([
      ['average', 5],
      ['sum', 10],
      ['least', 2],
      ['most', 8],
    ] as const)('the %s of the values of a bar, of the rows of a selection alone', async (how, expected) => {
      await written([
        { note: 'a', spent: 2 },
        { note: 'a', spent: 8 },
        { note: 'a', spent: 1_000 },
        { note: 'b', spent: 4 },
        { note: 'c', spent: undefined },
      ]);
      const where = [{ column: 'spent', is: 'below', value: '100' }] as const;
      const drawn = await draw({ chart: 'bar', x: 'note', y: 'spent', how, where });
      expect(drawn).toMatchObject({ total: 3, drawn: 3, step: null });
      expect(drawn?.rows).toEqual([
        ['a', expected],
        ['b', 4],
      ]);
    });

    it('the most frequent values, and tells how many others there are', async () => {
      const notes = Array.from({ length: 40 }, (_, index) => `n${String(index).padStart(2, '0')}`);
      await written([...notes, 'n39', 'n39', ''].map((note, index) => ({ note, spent: index })));
      const bars = await draw({ chart: 'bar', x: 'note' });
      expect(bars).toMatchObject({ left: 17, rows: { length: 24 } });
      expect(bars?.rows.slice(0, 3)).toEqual([
        ['n39', 3],
        [null, 1],
        ['n00', 1],
      ]);
      const lines = await draw({ chart: 'line', x: 'spent', y: 'spent', by: 'note' });
      expect(lines).toMatchObject({ left: 35, drawn: 43 });
      expect(new Set(lines?.rows.map((row) => row[1]))).toEqual(new Set(['n39', null, 'n00', 'n01', 'n02', 'n03']));
    });

    it('single rows, the same at each time', async () => {
      await written(Array.from({ length: 2_500 }, (_, index) => ({ spent: index, points: -index })));
      const query = { chart: 'scatter', x: 'spent', y: 'points' } as const;
      const [first, second] = [await draw(query), await draw(query)];
      expect(first).toMatchObject({ total: 2_500, drawn: 2_500, step: null, rows: { length: 2_000 } });
      expect(first?.rows).toEqual(second?.rows);
      expect(first?.rows.every(([x, y]) => Number(x) === -Number(y))).toBe(true);
    });

    it('nothing that is too large to be drawn or summed', async () => {
      await written([{ spent: 1.7e308 }, { spent: 1.7e308 }, { spent: 9e299 }, { spent: -9e299 }, { spent: 3 }]);
      expect(await draw({ chart: 'bar', x: 'note', y: 'spent', how: 'average' })).toMatchObject({ total: 5, drawn: 3 });
      const spread = await draw({ chart: 'histogram', x: 'spent' });
      expect(spread?.rows.reduce((sum, [, rows]) => sum + Number(rows), 0)).toBe(3);
    });

    it.each([
      ['one beside 100', [5e-324, 100]],
      ['one below 0', [-5e-324, 100]],
      ['those of either end', [1e-280, 2e-280, 1e299, -1e299]],
      ['two alike', [5e-324, 5e-324]],
      ['some alone', [1e-280, 3e-280, 5e-324]],
    ])('numbers that are nearly 0: %s', async (_what, numbers) => {
      await written(numbers.map((spent) => ({ spent, note: 'a' })));
      for (const chart of ['histogram', 'line', 'scatter', 'bar'] as const) {
        const y = chart === 'histogram' ? {} : { y: 'spent' };
        const drawn = await draw({ chart, x: chart === 'bar' ? 'note' : 'spent', ...y });
        expect(drawn, chart).toMatchObject({ drawn: numbers.length });
        if (chart !== 'histogram') continue;
        expect(drawn?.rows.reduce((sum, [, rows]) => sum + Number(rows), 0)).toBe(numbers.length);
      }
    });

    it('no column that there is not, and none that has no numbers', async () => {
      await expect(draw({ chart: 'bar', x: 'nope' })).rejects.toThrow('there is no column "nope"');
      await expect(draw({ chart: 'line', x: 'name' })).rejects.toThrow('neither numbers nor times');
      await expect(draw({ chart: 'scatter', x: 'spent' })).rejects.toThrow('a scatter needs y');
      await expect(draw({ chart: 'bar', x: 'name', y: 'updatedAt' })).rejects.toThrow('no numbers');
    });
  });
}
