import { datasetsOf, parsePipeline } from '@tributary/shared';
import { describe, expect, test } from 'vitest';

const HEAD = `
entities:
  order:
    dataset: orders
    queue: order_data
    key: id
    fields:
      id: string
      customer: string?
      country: string?
      total: decimal
      weight: number?
      placed: datetime?
      due: date?
      vip: boolean?
      lines: { type: list, items: { sku: string } }
endpoints: {}
aggregates:
`;
const parse = (aggregates: string) => parsePipeline(HEAD + aggregates, {}, 'the file');
const faults = (aggregates: string): string[] => {
  try {
    parse(aggregates);
    return [];
  } catch (error) {
    return String((error as Error).message)
      .split('\n')
      .slice(1)
      .map((line) => line.trim().replace('aggregates.sales', ''));
  }
};

describe('aggregates in the pipeline file', () => {
  test('make a dataset behind the others, with a column for each group and metric', () => {
    const text = `  sales:
    from: orders
    by: [country, vip]
    window: { column: placed, every: hour, zone: Asia/Kolkata }
    metrics: { n: count, s: { sum: total }, w: { sum: weight }, a: { average: weight }, m: { max: due }, d: { distinct: customer } }`;
    const { columns, groups } = datasetsOf(parse(text)).at(-1) ?? {};
    expect(groups).toBe('orders');
    expect(Object.entries(columns ?? {}).map(([name, { type }]) => `${name} ${type}`)).toEqual([
      'country string',
      'vip boolean',
      'hour datetime',
      'n integer',
      's decimal',
      'w number',
      'a decimal',
      'm date',
      'd integer',
    ]);
  });

  test.each([
    ['from: nothing, metrics: { n: count }', '.from: no dataset "nothing": expected one of orders'],
    [
      'from: orders, by: [contry], metrics: { n: count }',
      '.by.0: no column "contry" in orders: expected one of id, customer',
    ],
    [
      'from: orders, by: [lines], metrics: { n: count }',
      '.by.0: "lines" is of type list, and rows cannot be grouped by it: expected string,',
    ],
    ['from: orders, by: [vip, vip], metrics: { n: count }', '.by.1: "vip" is named twice'],
    [
      'from: orders, by: [country], metrics: { country: count }',
      '.metrics.country: "country" is already a column that rows are grouped by',
    ],
    [
      'from: orders, window: { column: placed, every: day }, metrics: { day: count }',
      '.metrics.day: "day" is already a column',
    ],
    [
      'from: orders, metrics: { s: { sum: customer } }',
      '.metrics.s.sum: "customer" is of type string, and there is no sum of it: expected integer, decimal or number',
    ],
    [
      'from: orders, metrics: { s: { max: vip } }',
      '.metrics.s.max: "vip" is of type boolean, and there is no max of it',
    ],
    [
      'from: orders, metrics: { s: { summe: total } }',
      '.metrics.s: {"summe":"total"} is not valid: expected count, { sum: COLUMN }',
    ],
    [
      'from: orders, window: { column: due, every: hour }, metrics: { n: count }',
      '.window.column: "due" is of type date, and there is no hour in it: expected datetime',
    ],
    [
      'from: orders, window: { column: due, every: day, zone: UTC }, metrics: { n: count }',
      '.window.zone: "due" is a date',
    ],
    ['from: orders, metrics: {}', '.metrics: {} is not valid: expected at least one metric'],
    ['from: orders, metrics: { n: count }, every: 10ms', '.every: "10ms" is not valid: expected at least 1s'],
  ])('%s is refused', (settings, fault) => {
    expect(faults(`  sales: { ${settings} }`)).toEqual([expect.stringContaining(fault)]);
  });

  test('of an aggregate, or under the name of another dataset, are refused', () => {
    expect(
      faults('  sales: { from: orders, metrics: { n: count } }\n  more: { from: sales, metrics: { n: count } }'),
    ).toEqual(['aggregates.more.from: "sales" is an aggregate, and groups are made of rows: expected one of orders']);
    expect(faults('  orders: { from: orders, metrics: { n: count } }')).toEqual([
      'aggregates.orders: "orders" is already the dataset of an entity or a merge',
    ]);
  });
});
