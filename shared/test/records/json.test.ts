import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, doubleOf, ExactNumber, parseJson, stringifyJson } from '../../src/index.js';

/** The numbers of a list as they would be written again. */
const numbersOf = (text: string): unknown[] => (parseJson(text) as unknown[]).map(String);

describe('a JSON text', () => {
  test.each([
    ['1374004777531007833', 'a cursor'],
    ['-9223372036854775808', 'the least signed number of 64 bits'],
    ['9007199254740993', 'one more than a double tells apart'],
    ['12345678901234567890.12', 'an amount'],
    ['0.12345678901234567891', 'a fraction of twenty digits'],
    ['1e400', 'more than a double can hold'],
    ['-1.5E+400', 'less than a double can hold'],
    ['1e-400', 'nearer to zero than a double can be'],
  ])('keeps %s, %s, as it came', (number) => {
    expect(stringifyJson(parseJson(`{"nextCursor":${number}}`))).toBe(`{"nextCursor":${number}}`);
    expect(stringifyJson(parseJson(number))).toBe(number);
    expect(stringifyJson(parseJson(`[1, ${number} , -${number.replace('-', '')}]`))).toBe(
      `[1,${number},-${number.replace('-', '')}]`,
    );
    expect((parseJson(`{"a":${number}}`) as { a: unknown }).a).toBeInstanceOf(ExactNumber);
  });

  test('holds plain numbers wherever a double is exact', () => {
    const text =
      '[9007199254740991,-9007199254740991,0.30000000000000004,1e21,5e-324,-0,0.1000000000000000000,1.5e300]';
    for (const number of parseJson(text) as unknown[]) expect(typeof number).toBe('number');
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  test('is read the same whether it has large numbers or not', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const value = JSON.parse(json) as unknown;
        expect(parseJson(json)).toEqual(value);
        expect(parseJson(`{"large":12345678901234567891,"value":${json}}`)).toHaveProperty('value', value);
      }),
      { numRuns: 500 },
    );
  });

  test('gives every number back with its own digits', () => {
    const digits = fc.stringMatching(/^-?(0|[1-9]\d{0,40})(\.\d{1,40})?([eE][+-]?\d{1,3})?$/);
    fc.assert(
      fc.property(fc.array(digits, { minLength: 1 }), (numbers) => {
        const written = stringifyJson(parseJson(`[${numbers.join(',')}]`)) ?? '';
        for (const [index, number] of numbersOf(written).entries()) {
          const came = numbers[index] ?? '';
          const isExact = Number(came) === Number(number) && (number === came || String(Number(came)) === number);
          expect({ came, number, isExact }).toMatchObject({ isExact: true });
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    '{"a":1374004777531007833',
    '[01374004777531007833]',
    '{1374004777531007833:1}',
    '[1374004777531007833 1]',
    '',
  ])('that is cut off or is no JSON is refused: %s', (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  test('may name things as every object has them, may name one twice, and may be nested deep', () => {
    const large = '12345678901234567890';
    expect(stringifyJson(parseJson(`{"__proto__":${large},"constructor":1}`))).toBe(
      `{"__proto__":${large},"constructor":1}`,
    );
    expect(stringifyJson(parseJson(`{"a":1,"a":${large}}`))).toBe(`{"a":${large}}`);
    expect(stringifyJson(parseJson(`{"a":${large},"a":1}`))).toBe('{"a":1}');
    const deep = `${'['.repeat(1_000)}${large}${']'.repeat(1_000)}`;
    expect(stringifyJson(parseJson(deep))).toBe(deep);
    expect(() => parseJson(`${'['.repeat(100_000)}${large}${']'.repeat(100_000)}`)).toThrow(SyntaxError);
  });

  test('cannot pass text off as a number', () => {
    const text = '{"a":"12345678901234567890","b":["\\u0000","half \\ud83d"],"c":12345678901234567890}';
    expect(stringifyJson(parseJson(text))).toBe(text);
  });
});

describe('an exact number', () => {
  test('is text to whatever else writes JSON, and has no properties that a path could find', () => {
    const number = new ExactNumber('1e400');
    expect(JSON.stringify({ number })).toBe('{"number":"1e400"}');
    expect(Object.keys(number)).toEqual([]);
    expect(`${number}`).toBe('1e400');
  });

  test('stands in canonical JSON with all its digits and without an exponent', () => {
    const value = parseJson('{"b":1.50e400,"a":[12345678901234567890.10, 1e21]}');
    expect(canonicalJson(value)).toBe(`{"a":[12345678901234567890.10,1e+21],"b":150${'0'.repeat(398)}}`);
  });

  test('that a double holds has the form of the double, however it was written', () => {
    for (const numbers of [
      ['1e21', '1000000000000000000000', '1.0e21'],
      ['10000000000000000000', '1e19'],
      ['9007199254740992', '9007199254740992.0'],
    ]) {
      const canonical = numbers.map((number) => canonicalJson(parseJson(`[${number}]`)));
      expect(new Set(canonical).size).toBe(1);
    }
  });

  test('is read again as the same after it was written in canonical JSON', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^-?[1-9]\d{15,40}(\.\d{1,20})?(e[+-]?\d{1,2})?$/), (number) => {
        const canonical = canonicalJson([parseJson(number)]) ?? '';
        expect(canonicalJson(parseJson(canonical))).toBe(canonical);
      }),
    );
  });
});

describe('the double of a number', () => {
  test.each([
    ['0.10000000000000001', 0.1],
    ['0.1000000000000000055511151231257827', 0.1],
    ['-122.41941550000001', -122.41941550000001],
    ['100000000000000000000', 1e20],
    ['1.50', 1.5],
  ])('%s is %d', (text, double) => {
    expect(doubleOf(text)).toBe(double);
  });

  test.each([
    '12345678901234567',
    '9007199254740993',
    '0.12345678901234567891',
    '1e400',
    '1e-400',
    `0.${'1'.repeat(200)}`,
  ])('%s has none', (text) => {
    expect(doubleOf(text)).toBeUndefined();
  });

  test('is every double, however many of its digits are written', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 17, max: 60 }),
        (number, digits) => {
          expect(doubleOf(number.toPrecision(digits))).toBe(number === 0 ? 0 : number);
          expect(doubleOf(String(number))).toBe(number === 0 ? 0 : number);
        },
      ),
    );
  });
});
