import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compileExpression,
  ExactDecimal,
  fromExpression,
  toExpression,
  variablesOf,
} from '../../src/expressions/index.js';
import { type Field, parseJson } from '../../src/index.js';

const field = (type: Field['type']): Field => ({ type, optional: false, maxLength: 1_000_000 });
const FIELDS = { total: field('decimal'), rate: field('decimal'), count: field('integer'), size: field('number') };
const VARIABLES = variablesOf(FIELDS);
const valuesOf = (values: Readonly<Record<keyof typeof FIELDS, unknown>>) =>
  Object.fromEntries(
    Object.entries(FIELDS).map(([name, one]) => [name, toExpression(values[name as keyof typeof FIELDS], one)]),
  );
const VALUES = valuesOf({ total: '19.90', rate: '0.19', count: 3, size: 0.5 });
const valueFor = (text: string) =>
  fromExpression(
    compileExpression(text, VARIABLES, ['dyn']).evaluate({ ...VALUES, raw: parseJson('{"n":12345678901234567890.5}') }),
    'decimal',
  );

describe('decimals in expressions', () => {
  test.each([
    ['total * rate', '3.7810'],
    ['total * count', '59.70'],
    ['count * total', '59.70'],
    ['total * 0.1', '1.990'],
    ['2.0 * total', '39.80'],
    ['total + rate', '20.09'],
    ['count + total + size + 1', '24.40'],
    ['total - 20', '-0.10'],
    ['20 - total', '0.10'],
    ['total + 0.1 + 0.2', '20.20'],
    ['decimal("0.1") + decimal(2) + decimal(0.5)', '2.6'],
    ['decimal(raw.n) * 2', '24691357802469135781.0'],
    ['string(total)', '19.90'],
    ['string(raw.n)', '12345678901234567890.5'],
    ['double(total) / 2.0', 9.95],
  ])('%s is exactly %s', (text, value) => {
    expect(valueFor(text)).toBe(value);
  });

  test.each([
    ['total > 19.89 && total < 20', true],
    ['total == decimal("19.9")', true],
    ['total == 19.9 && total != 20', true],
    ['total >= 20 || total <= rate', false],
    ['20 > total && 19.8 < total', true],
    ['1000.0 < total', false],
  ])('%s is %s', (text, value) => {
    expect(valueFor(text)).toBe(value);
  });

  test('hold to the laws of arithmetic', () => {
    const decimal = fc.stringMatching(/^-?\d{1,20}(\.\d{1,10})?$/).map((text) => ExactDecimal.of(text));
    fc.assert(
      fc.property(decimal, decimal, decimal, (a, b, c) => {
        expect(
          a
            .plus(b)
            .times(c)
            .compare(a.times(c).plus(b.times(c))),
        ).toBe(0);
        expect(a.plus(b).plus(b.negated()).compare(a)).toBe(0);
        expect(Math.sign(a.compare(b))).toBe(Math.sign(-b.compare(a)) + 0);
      }),
    );
  });

  test('give back what they were made of', () => {
    for (const text of ['0', '0.00', '19.90', '-0.05', '12345678901234567890.123456789']) {
      expect(ExactDecimal.of(text).toString()).toBe(text);
    }
    expect(() => ExactDecimal.of('1,5')).toThrow('is no decimal number');
  });
});

describe('values of fields in expressions', () => {
  test('of a wrong type stay as they are, so that the expression fails for their record alone', () => {
    for (const type of ['integer', 'decimal', 'datetime', 'list'] as const) {
      expect(toExpression('what?', { type })).toBe('what?');
      expect(toExpression(null, { type })).toBeNull();
    }
  });

  test('come back in the form that a source would send', () => {
    expect(fromExpression(5n, 'integer')).toBe(5);
    expect(String(fromExpression(2n ** 62n, 'integer'))).toBe(String(2n ** 62n));
    expect(fromExpression(new Date('2024-05-01T10:00:00Z'), 'datetime')).toBe('2024-05-01T10:00:00.000Z');
    expect(fromExpression(new Date('2024-05-01T10:00:00Z'), 'date')).toBe('2024-05-01');
    expect(fromExpression([1n, { a: 2n }, new Map([['b', ExactDecimal.of('1.5')]])], 'list')).toEqual([
      1,
      { a: 2 },
      { b: '1.5' },
    ]);
  });
});
