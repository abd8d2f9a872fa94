import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasNanoseconds, instantAt, likelyUnit, readInstant, readUnix, toMicroseconds } from '../../../src/index.js';

const TEN = '2024-05-01T10:00:00.000Z';

describe('a time', () => {
  test.each([
    ['2024-05-01T10:00:00.000+0000', TEN],
    ['2024-05-01T12:00:00+02:00[Europe/Berlin]', TEN],
    ['2024-05-01T10:00:00Z[UTC][u-ca=iso8601]', TEN],
    ['2024-05-01T10:00:00Z', TEN],
    ['2024-05-01t10:00:00z', TEN],
    ['2024-05-01T12:00:00+02:00', TEN],
    ['2024-05-01T12:00:00+0200', TEN],
    ['2024-05-01 10:00:00+00', TEN],
    ['2024-05-01 10:00:00', TEN],
    ['2024-05-01 10:00', TEN],
    ['2024-05-01T10:00', TEN],
    ['2024-05-01 10:00:00 UTC', TEN],
    ['2024-05-01 04:30:00 -0530', TEN],
    ['20240501T100000Z', TEN],
    ['Wed, 01 May 2024 10:00:00 GMT', TEN],
    ['Wed, 1 May 2024 12:00:00 +0200', TEN],
    ['1 May 2024 10:00 UT', TEN],
    ['Wed, 01 May 2024 06:00:00 EDT', TEN],
    ['Wed, 01 May 2024 12:00:00 +0200 (CEST)', TEN],
    ['/Date(1714557600000)/', TEN],
    ['/Date(1714557600000+0200)/', TEN],
    ['/Date(-1)/', '1969-12-31T23:59:59.999Z'],
    ['2024-05-01T10:00:00.5Z', '2024-05-01T10:00:00.500Z'],
    ['2024-05-01T10:00:00,123456Z', '2024-05-01T10:00:00.123456Z'],
    ['2024-05-01T10:00:00.123456789Z', '2024-05-01T10:00:00.123456789Z'],
    ['2024-05-01T10:00:00.1200000Z', '2024-05-01T10:00:00.120Z'],
    ['2024-02-29T23:59:59-18:00', '2024-03-01T17:59:59.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['0099-01-01T00:00:00Z', '0099-01-01T00:00:00.000Z'],
  ])('written as %s is %s', (text, instant) => {
    expect(readInstant(text)).toBe(instant);
  });

  test.each([
    '',
    'yesterday',
    'infinity',
    '2024-05-01',
    '2024-02-30T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-00-10T00:00:00Z',
    '2024-05-01T24:00:00Z',
    '2024-05-01T10:60:00Z',
    '2024-05-01T10:00:60Z',
    '2024-05-01T10:00:00+25:00',
    '2024-05-01T10:00:00-18:01',
    'Wednesday, 01-May-2024 10:00:00 GMT',
    '2024-05-01T10:00:00 CEST',
    '01/05/2024 10:00',
    '1714557600',
    'Wed, 01 Foo 2024 10:00:00 GMT',
    'Wed, 01 May 2024 10:00:00 CEST',
    '0000-06-01T00:00:00Z',
    '0001-01-01T00:00:00+10:00',
    '9999-12-31T23:59:59-10:00',
    '/Date(99999999999999999)/',
    '/Date(8640000000000000)/',
    ' 2024-05-01T10:00:00Z',
  ])('is not told by "%s"', (text) => {
    expect(readInstant(text)).toBeUndefined();
  });

  test('is the same whatever its offset, and is read back as it was written', () => {
    const times = fc.record({
      milliseconds: fc.integer({ min: Date.parse('0001-01-02T00:00:00Z'), max: Date.parse('9999-12-30T00:00:00Z') }),
      offset: fc.integer({ min: -18 * 60, max: 18 * 60 }),
      digits: fc.stringMatching(/^\d{0,9}$/),
    });
    fc.assert(
      fc.property(times, ({ milliseconds, offset, digits }) => {
        const utc = new Date(milliseconds).toISOString().replace('Z', `${digits}Z`);
        const canonical = readInstant(utc) ?? '';
        const local = new Date(milliseconds + offset * 60_000).toISOString();
        const hours = String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0');
        const minutes = String(Math.abs(offset) % 60).padStart(2, '0');
        const zone = `${offset < 0 ? '-' : '+'}${hours}:${minutes}`;
        // The year of the local time may be beyond those that are written with four digits.
        if (/^\d{4}-/.test(local) && !local.startsWith('0000')) {
          expect(readInstant(local.replace('Z', `${digits}${zone}`))).toBe(canonical);
        }
        expect(readInstant(canonical)).toBe(canonical);
        expect(Date.parse(canonical.replace(/(\.\d{3})\d*/, '$1'))).toBe(milliseconds);
        expect(canonical).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(\d*[1-9])?Z$/);
      }),
      { numRuns: 500 },
    );
  });

  test('sorts by all its digits once its Z is left out', () => {
    const fraction = fc.stringMatching(/^\d{1,12}$/);
    fc.assert(
      fc.property(fraction, fraction, (a, b) => {
        const [one = '', other = ''] = [a, b].map((digits) =>
          readInstant(`2024-05-01T10:00:00.${digits}Z`)?.slice(0, -1),
        );
        expect(Math.sign(Number(`0.${a}`) - Number(`0.${b}`))).toBe(one < other ? -1 : one > other ? 1 : 0);
      }),
    );
  });

  test('is cut to microseconds, and says whether that leaves something out', () => {
    for (const [instant, cut] of [
      [TEN, TEN],
      ['2024-05-01T10:00:00.123456Z', '2024-05-01T10:00:00.123456Z'],
      ['2024-05-01T10:00:00.123456789Z', '2024-05-01T10:00:00.123456Z'],
      ['2024-05-01T10:00:00.1230009Z', '2024-05-01T10:00:00.123Z'],
      ['2024-05-01T10:00:00.0000009Z', '2024-05-01T10:00:00.000Z'],
    ] as const) {
      expect(toMicroseconds(instant)).toBe(cut);
      expect(hasNanoseconds(instant)).toBe(instant !== cut);
    }
  });
});

describe('a number that is a time', () => {
  test.each([
    ['1714557600', 's', TEN],
    ['1714557600000', 'ms', TEN],
    ['1714557600000000', 'us', TEN],
    ['1714557600000000001', 'ns', '2024-05-01T10:00:00.000000001Z'],
    ['1714557600.123456', 's', '2024-05-01T10:00:00.123456Z'],
    ['1.7145576e9', 's', TEN],
    ['0', 's', '1970-01-01T00:00:00.000Z'],
    ['-0.5', 's', '1969-12-31T23:59:59.500Z'],
    ['-1', 's', '1969-12-31T23:59:59.000Z'],
    ['-1500', 'ms', '1969-12-31T23:59:58.500Z'],
    ['-62135596800', 's', '0001-01-01T00:00:00.000Z'],
  ] as const)('%s %s is %s', (count, unit, instant) => {
    expect(readUnix(count, unit)).toBe(instant);
  });

  test.each([
    ['', 's'],
    ['now', 's'],
    ['1e300', 's'],
    ['-62135596801', 's'],
    ['253402300800', 's'],
    ['99999999999999999999', 'ms'],
  ] as const)('"%s" %s is none', (count, unit) => {
    expect(readUnix(count, unit)).toBeUndefined();
  });

  test('keeps every digit, before 1970 too', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -62135596800n * 10n ** 9n, max: 253402300799n * 10n ** 9n }), (nanoseconds) => {
        const instant = readUnix(String(nanoseconds), 'ns') ?? '';
        const [, fraction = ''] = /\.(\d+)Z$/.exec(instant) ?? [];
        const seconds = BigInt(Date.parse(instant.replace(/\.\d+Z$/, 'Z'))) / 1_000n;
        expect(seconds * 10n ** 9n + BigInt(fraction.padEnd(9, '0'))).toBe(nanoseconds);
      }),
    );
  });

  test('shows by its size what it counts', () => {
    expect([1714557600, 1714557600000, 1714557600000000, 1714557600000000000, 42].map(likelyUnit)).toEqual([
      's',
      'ms',
      'us',
      'ns',
      undefined,
    ]);
  });
});

test('a moment is written as Date writes it, in the years 1 to 9999 and in no other', () => {
  const [first, last] = [Date.parse('0001-01-01T00:00:00.000Z'), Date.parse('9999-12-31T23:59:59.999Z')];
  fc.assert(
    fc.property(fc.integer({ min: first, max: last }), fc.nat(200_000_000), (milliseconds, later) => {
      for (const moment of [milliseconds, Math.min(milliseconds + later, last)]) {
        expect(instantAt(moment, '')).toBe(new Date(moment).toISOString());
      }
    }),
  );
  expect([first, last, -1, 0].map((moment) => instantAt(moment, ''))).toEqual([
    '0001-01-01T00:00:00.000Z',
    '9999-12-31T23:59:59.999Z',
    '1969-12-31T23:59:59.999Z',
    '1970-01-01T00:00:00.000Z',
  ]);
  for (const moment of [first - 1, last + 1, Number.NaN, Number.POSITIVE_INFINITY, 1e20]) {
    expect(instantAt(moment, '')).toBeUndefined();
  }
});
