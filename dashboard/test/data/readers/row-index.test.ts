import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowIndex } from '../../../src/data/readers/csv/row-index.js';

describe('the row index', () => {
  it('agrees with sorting and grouping all rows, in any order of arrival and at any time', () => {
    const row = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      order: fc.nat(50),
      deleted: fc.boolean(),
      writtenAt: fc.nat(20),
      ask: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60 }), (rows) => {
        const index = new RowIndex();
        const heads = new Map<string, { number: number; order: string; deleted: boolean }>();
        for (const [number, { ask, ...one }] of rows.entries()) {
          const order = String(one.order).padStart(3, '0');
          index.add({ ...one, order, part: 0, offset: number * 10, length: 10 });
          const head = heads.get(one.key);
          if (head === undefined || order > head.order) heads.set(one.key, { number, order, deleted: one.deleted });
          if (ask) index.moment().page('history', undefined, 0, 1);
        }
        const newestFirst = [...rows.keys()].sort(
          (a, b) => (rows[b]?.writtenAt ?? 0) - (rows[a]?.writtenAt ?? 0) || b - a,
        );
        const live = new Set([...heads.values()].filter((head) => !head.deleted).map((head) => head.number));
        expect(index.moment().page('history', undefined, 0, 100)).toEqual({ rows: newestFirst, total: rows.length });
        const latest = newestFirst.filter((number) => live.has(number));
        expect(index.moment().page('latest', undefined, 1, 2)).toEqual({ rows: latest.slice(1, 3), total: live.size });
        expect(index.keys).toBe(live.size);
        expect([...index.moment().select('latest', undefined)]).toEqual(latest.sort((a, b) => a - b));
      }),
    );
  });
});
