import { describe, expect, test } from 'vitest';
import { ConfigError, parsePipeline } from '../../src/index.js';

function faultsOf(fields: string, endpoint = '', entity = ''): string[] {
  const text = `
entities:
  order:
    dataset: orders
    queue: orders
    key: id
    ${entity}
    fields: { id: string, total: decimal?, count: integer, at: datetime, ${fields} }
endpoints:
  orders: { url: "http://127.0.0.1:1/", entity: order, ${endpoint} }
`;
  try {
    parsePipeline(text, {}, 'test.yaml');
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
}

describe('the shape of records', () => {
  test('may be told in all of its forms', () => {
    const fields = `
      city: "string? $.address.city", first: "string? $['First Name']", last: { type: string?, from: "$.list[-1].id" },
      placed: { type: datetime, from: $.created, unit: s }, day: { type: date, format: dd/MM/yyyy },
      vip: { type: boolean, value: "total != null && total > 1000.0" }, name: { type: string, value: "string(count) + raw.name" },
      lines: { type: list, items: { sku: string $.product.sku, price: { type: decimal, from: $.p } } }`;
    const endpoint = `where: "vip || count > 1", map: { total: $.amount, placed: { from: $.date, format: yyyy-MM-dd } }`;
    expect(faultsOf(fields, endpoint, 'unknownFields: keep')).toEqual([]);
  });

  test.each([
    [
      'x: { type: string, value: "countt > 1" }',
      '',
      'fields.x.value: "countt > 1" cannot be evaluated: no field "countt"',
    ],
    ['x: { type: string, value: "count" }', '', 'its value is of type int, expected string; string(x)'],
    ['x: { type: boolean, value: "total > \'a\'" }', '', 'no such overload: decimal > string'],
    [
      'x: { type: boolean, value: "y" }, y: { type: boolean, value: "true" }',
      '',
      'fields.x.value: "y" cannot be evaluated: no field "y"',
    ],
    ['x: { type: boolean, value: "x" }', '', 'no field "x"'],
    ['x: { type: boolean, value: "raw.a.matches(\'a\')" }', '', 'matches is not supported'],
    ['x: { type: string, value: "raw.a", from: $.a }', '', 'value computes the field: leave from, unit and format out'],
    [
      'x: { type: datetime, unit: s, format: yyyy }',
      '',
      'unit is for numbers and format for text: expected one of them',
    ],
    [
      'x: { type: datetime, format: DD/MM/YYYY }',
      '',
      'fields.x.format: "DD/MM/YYYY" is no pattern of time: "DD" is not known',
    ],
    [
      'x: { type: list, items: { y: { type: string, value: "raw.a" } } }',
      '',
      'only a field of the record itself can be computed',
    ],
    ['x: { type: list, items: { y: { type: date, format: q } } }', '', 'fields.x.items.y.format: "q" is no pattern'],
    ['', 'where: "count"', 'orders.where: "count" cannot be evaluated: its value is of type int, expected bool'],
    [
      '',
      'where: "stat == 1"',
      'orders.where: "stat == 1" cannot be evaluated: no field "stat": expected one of id, total',
    ],
    ['', 'map: { amount: $.a }', 'orders.map.amount: no field "amount": expected one of id, total, count'],
    ['', 'map: { total: a }', 'orders.map.total: "a" is not valid: expected a path such as'],
    ['', 'map: { total: { unit: s } }', 'a field of type decimal has no unit'],
    ['', 'map: { count: { value: "raw.a + 1" }, at: { format: "" } }', 'orders.map.at'],
    [
      '',
      'map: { at: { value: "count" } }',
      'orders.map.at.value: "count" cannot be evaluated: its value is of type int',
    ],
  ])('%s%s is refused', (fields, endpoint, words) => {
    expect(faultsOf(fields, endpoint).join('\n')).toContain(words);
  });

  test('has one place for fields that are gathered', () => {
    expect(faultsOf('unknown_fields: json?', '', 'unknownFields: refuse').join('\n')).toContain('rename the field');
    expect(faultsOf('unknown_fields: json?', '', 'unknownFields: keep').join('\n')).toContain('rename the field');
    expect(faultsOf('unknown_fields: json?')).toEqual([]);
  });
});
