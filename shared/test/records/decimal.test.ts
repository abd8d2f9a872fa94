import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plainDecimal } from '../../src/index.js';

describe('a decimal number', () => {
  test.each([
    ['19.90', '19.90'],
    ['-0.00750', '-0.00750'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['+3', '3'],
    ['007.10', '7.10'],
    ['0', '0'],
    ['-0', '0'],
    ['-0.00', '0.00'],
    ['1e3', '1000'],
    ['1.5e3', '1500'],
    ['12.345e1', '123.45'],
    ['1.5e-3', '0.0015'],
    ['15E-1', '1.5'],
    ['12345678901234567890.123456789', '12345678901234567890.123456789'],
  ])('%s is kept as %s', (text, plain) => {
    expect(plainDecimal(text)).toBe(plain);
  });

  test.each([
    '',
    '.',
    '-',
    'e5',
    '1e',
    '1,5',
    '1 000',
    '0x10',
    'NaN',
    'Infinity',
    '1e1001',
    `1${'0'.repeat(1_000)}`,
    '1.2.3',
  ])('%s is none, or more than is kept', (text) => {
    expect(plainDecimal(text)).toBeUndefined();
  });

  test('has the value that it was written with, and stays as it is', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const plain = plainDecimal(String(number)) ?? '';
        expect(Number(plain)).toBe(number === 0 ? 0 : number);
        expect(plainDecimal(plain)).toBe(plain);
        expect(plain).toMatch(/^-?(0|[1-9]\d*)(\.\d+)?$/);
      }),
    );
  });
});
