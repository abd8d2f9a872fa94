import { datasetsOf, parsePipeline } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { compileColumns } from '../../src/merge/columns.js';

const config = parsePipeline(
  `
entities:
  order: { dataset: orders, queue: o, key: id, fields: { id: string, lines: { type: list, items: { sku: string, count: integer, weight: number?, code: string? } } } }
  item: { dataset: items, queue: i, key: sku, fields: { sku: string, price: decimal?, size: number?, stock: integer? } }
endpoints: {}
merges:
  order_items:
    each: { entity: order, lines: lines }
    with: { entity: item, on: sku }
    columns:
      value: { multiply: [line.count, item.price], decimals: 2 }
      whole: { multiply: [item.price, item.price], decimals: 0 }
      load: { multiply: [line.weight, item.stock], decimals: 1 }
      odd: { multiply: [line.code, item.size] }
      enough: { atLeast: [item.stock, line.count] }
      dear: { atLeast: [item.price, line.count] }
`,
  {},
  'test.yaml',
);
const fields = datasetsOf(config).at(-1)?.columns ?? {};
const columns = compileColumns(config, config.merges[0] ?? expect.fail('no merge'), fields);
const valuesOf = (line: object, item: object) =>
  columns.valuesOf(columns.partsOf({ each: {}, line: { ...line }, other: { ...item } }));

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

  test('has no value where a source has none, or is text that looks like a number', () => {
    expect(valuesOf({ code: '12' }, { size: 2 })).toEqual({});
    expect(valuesOf({ count: 1 }, {})).toEqual({});
  });

  test('compares exactly', () => {
    expect(valuesOf({ count: '9007199254740993' }, { stock: '9007199254740992' }).enough).toBe(false);
    expect(valuesOf({ count: '9007199254740993' }, { stock: '9007199254740993' }).enough).toBe(true);
    expect(valuesOf({ count: 20 }, { price: '19.99' }).dear).toBe(false);
    expect(valuesOf({ count: 20 }, { price: '20.00' }).dear).toBe(true);
  });
});
