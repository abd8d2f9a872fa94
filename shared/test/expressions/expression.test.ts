import { describe, expect, test } from 'vitest';
import { compileExpression, ExpressionError, type ValueType, variablesOf } from '../../src/expressions/index.js';
import type { Field, FieldType } from '../../src/index.js';

const field = (type: FieldType, optional = false, items?: Field['items']): Field => ({
  type,
  optional,
  maxLength: 1_000_000,
  ...(items === undefined ? {} : { items }),
});
const VARIABLES = variablesOf({
  name: field('string'),
  amount: field('string'),
  phone: field('string', true),
  count: field('integer'),
  size: field('number'),
  total: field('decimal'),
  rest: field('decimal', true),
  flag: field('boolean'),
  at: field('datetime'),
  day: field('date'),
  extra: field('json', true),
  lines: field('list', false, { sku: field('string'), quantity: field('integer') }),
  'odd name': field('string'),
  in: field('string'),
});
const ANY: readonly ValueType[] = ['dyn'];

describe('an expression is refused, in words, that', () => {
  test.each([
    ['status == "x"', ANY, 'no field "status": expected one of name, amount, phone'],
    ['name ==', ANY, 'Unexpected token'],
    ['name + 1', ANY, 'no such overload: string + int (at character 1)'],
    ['size * 2', ANY, 'write 2.0 for 2'],
    ['total / count', ANY, 'no such overload: decimal / int'],
    ['phone + 1', ANY, 'no such overload: string + int'],
    ['phone.size() + "a"', ANY, 'no such overload'],
    ['name.replace("a", "b")', ANY, 'substring, split, trim, lowerAscii, upperAscii, size (text.split("a").join("b")'],
    ['replace(name, "a", "b")', ANY, 'a text has contains, startsWith'],
    ['name', ['bool'], 'its value is of type string, expected bool'],
    ['count', ['string'], 'expected string; string(x) makes text of a number'],
    ['name.matches("(a+)+$")', ANY, 'matches is not supported; use startsWith'],
    ['lines.exists(l, lines.exists(m, l.sku == m.sku))', ANY, 'exists within another loop is not supported'],
    ['lines.map(l, lines.filter(m, m.sku == l.sku).size())', ANY, 'filter within another loop'],
    ['cel.bind(a, name + name, cel.bind(b, a + a, b + b))', ANY, 'bind within another loop'],
    ['name in [1, 2', ANY, 'Expected RBRACKET'],
    [`${'('.repeat(100)}1${')'.repeat(100)}`, ANY, 'Exceeded maxDepth (50)'],
    ['[1] + [2]'.repeat(1), ['bool'], 'expected bool'],
  ] as const)('%s', (text, wanted, words) => {
    expect(() => compileExpression(text, VARIABLES, wanted)).toThrow(ExpressionError);
    expect(() => compileExpression(text, VARIABLES, wanted)).toThrow(words);
  });
});

describe('an expression', () => {
  const VALUES = {
    name: 'Ada',
    amount: '1.234,56',
    phone: null,
    count: 5n,
    size: 1.5,
    flag: true,
    day: '2024-05-01',
    extra: null,
    at: new Date('2024-05-01T10:00:00Z'),
    lines: [
      { sku: 'a', quantity: 1n },
      { sku: 'b', quantity: 3n },
    ],
    raw: { status: 'draft', amount: 5, 'First Name': 'Ada', tags: ['x'] },
  };

  test.each([
    ['phone == null', true],
    ['phone != null && phone.contains("1")', false],
    ['phone == null ? "none" : phone', 'none'],
    ['count > 3 && count == 5', true],
    ['size == 1 || size > 1', true],
    ['name.startsWith("A") && name in ["Ada", "Bob"]', true],
    ['at > timestamp("2024-01-01T00:00:00Z")', true],
    ['at.getFullYear()', 2024n],
    ['day < "2024-06-01"', true],
    ['lines.exists(l, l.quantity > 2)', true],
    ['lines.filter(l, l.quantity > 2).map(l, l.sku)', ['b']],
    ['raw.status != "draft"', false],
    ['raw["First Name"] == name', true],
    ['raw.amount == 5 && raw.amount > 4', true],
    ['raw.amount + 1.0', 6],
    ['has(raw.nothing) ? raw.nothing : "none"', 'none'],
    ['"x" in raw.tags', true],
    ['string(count) + "-" + name.lowerAscii()', '5-ada'],
    [`string(decimal(amount.split('.').join('').split(',').join('.')))`, '1234.56'],
    ['amount.contains(",") && amount.startsWith("1.") && amount.endsWith("56")', true],
    ['amount.indexOf(".") + amount.lastIndexOf(",")', 6n],
    ['amount.substring(2) + "|" + amount.substring(0, 1)', '234,56|1'],
    ['amount.split(".")', ['1', '234,56']],
    ['amount.split(".")[0]', '1'],
    ['" a ".trim() + "a".upperAscii() + "B".lowerAscii()', 'aAb'],
    ['size(amount) + amount.size()', 16n],
  ])('%s', (text, value) => {
    expect(compileExpression(text, VARIABLES, ANY).evaluate(VALUES)).toEqual(value);
  });

  test.each([
    ['phone.contains("1")', 'no such overload|found no matching overload'],
    ['raw.nothing == 1', 'No such key: nothing'],
    ['raw.constructor == 1', 'No such key: constructor'],
    ['count / 0 == 1', 'division by zero'],
  ])('%s fails for values that it cannot be evaluated for, in words', (text, words) => {
    const expression = compileExpression(text, VARIABLES, ['bool']);
    expect(() => expression.evaluate(VALUES)).toThrow(ExpressionError);
    expect(() => expression.evaluate(VALUES)).toThrow(new RegExp(words));
  });

  test('knows which variables it reads, and which properties of the raw record', () => {
    const expression = compileExpression('raw.status == name && raw["First Name"] != "" && count > 1', VARIABLES, ANY);
    expect([...expression.names].sort()).toEqual(['count', 'name', 'raw']);
    expect([...expression.propertiesOf('raw')]).toEqual(['status', 'First Name']);
    expect(expression.propertiesOf('name').size).toBe(0);
  });
});
