import { datasetsOf, parsePipeline } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { compileColumns } from '../../src/merge/columns.js';

const config = parsePipeline(
  `
entities:
  order: { dataset: orders, queue: o, key: id, fields: { id: string, at: datetime?, lines: { type: list, items: { sku: string, count: integer, weight: number?, code: string? } } } }
  item: { dataset: items, queue: i, key: sku, fields: { sku: string, price: decimal?, size: number?, stock: integer? } }
endpoints: {}
merges:
  order_items:
    each: { entity: order, lines: lines }
    with: { entity: item, on: sku }
    columns:
      value: { type: decimal, decimals: 2, value: line.count * item.price }
      whole: { type: decimal, decimals: 0, value: item.price * item.price }
      load: { type: number, decimals: 1, value: line.weight * double(item.stock) }
      enough: { type: boolean, value: item.stock >= line.count }
      dear: { type: boolean, value: item.price >= line.count }
      rest: { type: integer, value: item.stock - line.count }
      share: { type: integer, value: item.stock / line.count }
      label: { type: string, value: "line.code == null ? '' : line.code + '-' + order.id" }
      month: { type: date, value: order.at }
      later: { type: datetime, value: "order.at + duration('90m')" }
      half: { type: number, value: item.size / 2.0 }
`,
  {},
  'test.yaml',
);
const fields = datasetsOf(config).at(-1)?.columns ?? {};
const failures: (readonly string[])[] = [];
const columns = compileColumns(config, config.merges[0] ?? expect.fail('no merge'), fields, (...failed) =>
  failures.push(failed),
);
const valuesOf = (line: object, item: object, each: object = {}) =>
  columns.valuesOf(columns.partsOf({ each: { id: 'O-1', ...each }, line: { ...line }, other: { ...item } }));

describe('a column that is calculated', () => {
  test.each([
    [3, '19.90', '59.70'],
    [3, '0.005', '0.02'],
    [1, '-0.005', '-0.01'],
    [1, '-0.004', '0.00'],
    ['9007199254740993', '0.10', '900719925474099.30'],
    [-2, '12345678901234567890.125', '-24691357802469135780.25'],
  ])('of %s and the decimal %s is exactly %s', (count, price, value) => {
    expect(valuesOf({ count }, { price })).toMatchObject({ value });
  });

  test.each([
    ['1.5', '2'],
    ['0.5', '0'],
    ['-3', '9'],
  ])('of the decimal %s may have no decimals: %s', (price, whole) => {
    expect(valuesOf({}, { price }).whole).toBe(whole);
  });

  test('is a number where both of its sources are, also of a whole number beyond 2^53', () => {
    expect(valuesOf({ weight: 0.1 }, { stock: 3 }).load).toBe(0.3);
    expect(valuesOf({ weight: 2 }, { stock: '9007199254740993' }).load).toBe(2 ** 54);
  });

  test('has no value where a field that it needs is absent, which is no failure', () => {
    expect(valuesOf({}, { price: null })).toEqual({});
    expect(valuesOf({ count: 1 }, {})).toEqual({});
    expect(failures).toEqual([]);
  });

  test('has no value where it cannot be evaluated or kept, which is told', () => {
    expect(valuesOf({ count: 0 }, { stock: 3 })).toEqual({ enough: true, rest: 3 });
    expect(valuesOf({ count: -1 }, { stock: '9223372036854775807' })).toEqual({
      enough: true,
      share: '-9223372036854775807',
    });
    expect(valuesOf({ weight: 1e308 }, { stock: 10 })).toEqual({});
    expect(failures.splice(0)).toEqual([
      ['order_items', 'share', expect.stringContaining('division by zero')],
      ['order_items', 'rest', expect.stringContaining('integer overflow')],
      ['order_items', 'load', 'its value cannot be kept as number'],
    ]);
  });

  test('may be a text, a time, a day or a whole number, of all sides', () => {
    const at = '2025-03-31T23:00:00.000Z';
    expect(valuesOf({ code: 'é', count: 2 }, { stock: 7, size: -0 }, { at })).toEqual({
      enough: true,
      rest: 5,
      share: 3,
      label: 'é-O-1',
      month: '2025-03-31',
      later: '2025-04-01T00:30:00.000Z',
      half: 0,
    });
    expect(Object.is(valuesOf({}, { size: -0 }).half, 0)).toBe(true);
    expect(valuesOf({ code: 'a'.repeat(3) }, {}).label).toBe('aaa-O-1');
    expect(valuesOf({ code: '' }, {}).label).toBe('-O-1');
  });

  test('compares exactly', () => {
    expect(valuesOf({ count: '9007199254740993' }, { stock: '9007199254740992' }).enough).toBe(false);
    expect(valuesOf({ count: '9007199254740993' }, { stock: '9007199254740993' }).enough).toBe(true);
    expect(valuesOf({ count: 20 }, { price: '19.99' }).dear).toBe(false);
    expect(valuesOf({ count: 20 }, { price: '20.00' }).dear).toBe(true);
  });
});
