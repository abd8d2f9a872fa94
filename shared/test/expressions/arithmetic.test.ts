import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileExpression, fromExpression, toExpression, variablesOfRecords } from '../../src/expressions/index.js';
import type { Field } from '../../src/index.js';

const field = (type: Field['type'], optional = false): Field => ({ type, optional, maxLength: 1_000_000 });
const SIDES = {
  line: { quantity: field('integer'), weight: field('number', true), sku: field('string') },
  item: { stock: field('integer', true), price: field('number'), cost: field('decimal', true) },
};
const VARIABLES = variablesOfRecords(SIDES);
type Sides = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
const compiled = (text: string) => compileExpression(text, VARIABLES, ['dyn']);
const quickOf = (text: string) => compiled(text).arithmetic<Sides>((side, name) => (sides) => sides[side]?.[name]);

const EXPRESSIONS = [
  'line.quantity * 3',
  'double(line.quantity) * item.price',
  'item.stock >= line.quantity',
  'item.price > line.weight',
  'item.stock < item.price',
  '2 <= line.quantity',
  'line.quantity - item.stock + 1',
  'item.price / line.weight - 0.5',
  'double(item.stock) / double(line.quantity) * 100.0',
  'double(line.weight) + item.price',
  'item.cost * line.quantity',
  'item.stock >= item.cost',
];

describe('simple arithmetic over the fields of records', () => {
  test('gives in its own way what CEL gives, and leaves to CEL what it cannot tell', () => {
    const integer = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.maxSafeInteger(), fc.constant('9223372036854775807'));
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    const ready = EXPRESSIONS.map((text) => ({ expression: compiled(text), quick: quickOf(text) }));
    const sides = fc.record({
      line: fc.record({ quantity: integer, weight: fc.option(number) }),
      item: fc.record({ stock: fc.option(integer), price: number, cost: fc.option(fc.constant('1.50')) }),
    });
    fc.assert(
      fc.property(sides, fc.constantFrom(...ready), (given, { expression, quick }) => {
        const found = quick?.(given);
        const values = Object.entries(SIDES).map(([side, fields]) => [
          side,
          Object.fromEntries(
            Object.entries(fields).map(([name, one]) => [name, toExpression((given as Sides)[side]?.[name], one)]),
          ),
        ]);
        const evaluate = () => fromExpression(expression.evaluate(Object.fromEntries(values)), 'number');
        if (found === null) expect(evaluate).toThrow();
        else if (found !== undefined) expect(evaluate()).toEqual(found);
      }),
      { numRuns: 2_000 },
    );
    expect(quickOf('double(line.quantity) * item.price')?.({ line: { quantity: 3 }, item: { price: 1.5 } })).toBe(4.5);
    expect(quickOf('line.quantity * 3')?.({ line: { quantity: 2 ** 53 - 1 } })).toBeUndefined();
  });

  test('knows of decimals that nothing comes of one that is absent', () => {
    const quick = quickOf('item.cost * line.quantity > 3.0');
    expect(quick?.({ item: {}, line: { quantity: 2 } })).toBeNull();
    expect(quick?.({ item: { cost: '1.5' }, line: { quantity: 2 } })).toBeUndefined();
  });

  test.each([
    'line.sku + "x"',
    'line.quantity == 2',
    'line.quantity / 2',
    'line.quantity > 2 && item.price > 1.0',
    'line.quantity % 2',
    '-line.quantity',
    'int(item.price)',
    'has(line.weight)',
    'line.weight == null ? 0.0 : line.weight',
  ])('is all that it knows: %s has no short cut', (text) => {
    expect(quickOf(text)).toBeUndefined();
  });
});

describe('an expression over records is refused, in words, that', () => {
  test.each([
    ['item.prize > 1.0', 'item has no field "prize": expected one of stock, price, cost'],
    ['order.id == 1', 'no side "order": expected one of line, item'],
    ['line.quantity * item.price', 'both sides must be of one type of number'],
    ['line.sku * 2', 'no such overload: string * int'],
    ['item == null', 'item is a record: name one of its fields, such as item.stock'],
    ['item[line.sku] == 1', 'item is a record'],
    ['has(item.nothing)', 'item has no field "nothing"'],
  ])('%s', (text, words) => {
    expect(() => compiled(text)).toThrow(words);
  });

  test('may name a field that is no identifier', () => {
    const variables = variablesOfRecords({ item: { 'list price': field('number'), constructor: field('integer') } });
    const expression = compileExpression('item["list price"] + double(item.constructor)', variables, ['double']);
    const item = new Map<string, unknown>([
      ['list price', 1.5],
      ['constructor', 2n],
    ]);
    expect(expression.evaluate({ item })).toBe(3.5);
  });
});
