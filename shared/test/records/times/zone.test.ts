import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern, isTimeZone, readInstantIn, timeZone } from '../../../src/index.js';

const berlin = timeZone('Europe/Berlin');

describe('a time without an offset, by the clock of a place', () => {
  test.each([
    ['Europe/Berlin', '2024-05-01T12:00:00', '2024-05-01T10:00:00.000Z'],
    ['Europe/Berlin', '2024-01-01 11:00', '2024-01-01T10:00:00.000Z'],
    ['Asia/Kolkata', '2024-05-01T15:30:00.123456', '2024-05-01T10:00:00.123456Z'],
    ['America/New_York', '20240501T060000', '2024-05-01T10:00:00.000Z'],
    ['Asia/Tokyo', '2024-05-01T10:00:00Z', '2024-05-01T10:00:00.000Z'],
    ['Asia/Tokyo', '2024-05-01T12:00:00+02:00', '2024-05-01T10:00:00.000Z'],
    ['Asia/Tokyo', 'Wed, 01 May 2024 10:00:00 GMT', '2024-05-01T10:00:00.000Z'],
    ['Europe/Berlin', '2024-10-27T02:30:00', '2024-10-27T00:30:00.000Z'],
    ['Europe/Berlin', '2024-10-27T03:00:00', '2024-10-27T02:00:00.000Z'],
    ['Europe/Berlin', '2024-03-31T02:30:00', '2024-03-31T01:30:00.000Z'],
    ['Europe/Berlin', '2024-02-30T10:00:00', undefined],
  ])('%s: %s', (place, text, instant) => {
    expect(readInstantIn(timeZone(place), text)).toBe(instant);
  });

  test.each([
    ['dd.MM.yyyy HH:mm', '01.05.2024 12:00', '2024-05-01T10:00:00.000Z'],
    ['yyyy-MM-dd', '2024-05-01', '2024-04-30T22:00:00.000Z'],
    ['yyyy-MM-dd HH:mm xxx', '2024-05-01 12:00 +00:00', '2024-05-01T12:00:00.000Z'],
  ])('by the pattern %s', (pattern, text, instant) => {
    expect(compilePattern(pattern, 'Europe/Berlin').read(text)).toBe(instant);
  });
});

describe('a moment, written by the clock of a place', () => {
  const write = (pattern: string, moment: string, place = 'Europe/Berlin') =>
    compilePattern(pattern, place).write(Date.parse(moment));

  test('is the time there', () => {
    expect(write('yyyy-MM-dd HH:mm', '2024-05-01T22:30:00Z')).toBe('2024-05-02 00:30');
    expect(write("yyyy-MM-dd'T'HH:mm:ss.SSSxxx", '2024-05-01T10:00:00.250Z')).toBe('2024-05-01T12:00:00.250+02:00');
    expect(write('HH:mm XX yyyy', '2024-05-01T10:00:00Z', 'America/St_Johns')).toBe('07:30 -0230 2024');
    expect(write('HH:mm X yyyy', '2024-05-01T10:00:00Z', 'UTC')).toBe('10:00 Z 2024');
  });

  test('is never later than the moment, whichever of two times the reader takes it for', () => {
    const pattern = compilePattern('yyyy-MM-dd HH:mm:ss.SSS', 'Europe/Berlin');
    const change = Date.parse('2024-10-27T01:00:00Z');
    fc.assert(
      fc.property(fc.integer({ min: -7_200_000, max: 7_200_000 }), (distance) => {
        const wall = Date.parse(`${pattern.write(change + distance).replace(' ', 'T')}Z`);
        const readings = [7_200_000, 3_600_000].map((offset) => wall - offset);
        const possible = readings.filter((moment) => moment + berlin.offsetAt(moment) === wall);
        expect(possible).toHaveLength(1);
        expect(possible[0]).toBeLessThanOrEqual(change + distance);
      }),
    );
  });

  test('comes back, wherever the clock shows each time once', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia', 'UTC'];
    const times = fc.integer({ min: Date.parse('1990-01-01'), max: Date.parse('2040-01-01') });
    fc.assert(
      fc.property(fc.constantFrom(...zones), times, (name, moment) => {
        const zone = timeZone(name);
        const wall = moment + zone.offsetAt(moment);
        fc.pre(zone.wallBefore(moment) === wall);
        expect(zone.momentOf(wall)).toBe(moment);
      }),
    );
  });
});

test('a time zone is one of the IANA database', () => {
  expect([isTimeZone('Europe/Berlin'), isTimeZone('UTC'), isTimeZone('Europe/Bonn')]).toEqual([true, true, false]);
});
