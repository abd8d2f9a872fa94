import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern, PatternError } from '../../../src/index.js';

describe('a pattern of time', () => {
  test.each([
    ['dd/MM/yyyy HH:mm', '01/05/2024 10:00', '2024-05-01T10:00:00.000Z'],
    ['d.M.yyyy', '1.5.2024', '2024-05-01T00:00:00.000Z'],
    ['yyyyMMdd', '20240501', '2024-05-01T00:00:00.000Z'],
    ['yyyy', '2024', '2024-01-01T00:00:00.000Z'],
    ['yyyy-MM', '2024-05', '2024-05-01T00:00:00.000Z'],
    ['MMM d, yyyy h:mm a', 'may 1, 2024 10:00 AM', '2024-05-01T10:00:00.000Z'],
    ['MM/dd/yy hh:mm a', '05/01/24 12:30 pm', '2024-05-01T12:30:00.000Z'],
    ['MM/dd/yy hh:mm a', '05/01/70 12:30 am', '1970-05-01T00:30:00.000Z'],
    ['EEE MMM dd HH:mm:ss xx yyyy', 'Wed May 01 12:00:00 +0200 2024', '2024-05-01T10:00:00.000Z'],
    ['yyyy-MM-dd HH:mm:ss.SSSSSS', '2024-05-01 10:00:00.123456', '2024-05-01T10:00:00.123456Z'],
    ["yyyy-MM-dd 'at' HH 'o''clock'", "2024-05-01 at 10 o'clock", '2024-05-01T10:00:00.000Z'],
    ['yyyy-MM-dd HH:mmXXX', '2024-05-01 12:00+02:00', '2024-05-01T10:00:00.000Z'],
    ['EEEE, d MMMM yyyy', 'Wednesday, 1 May 2024', '2024-05-01T00:00:00.000Z'],
  ])('%s reads %s', (pattern, text, instant) => {
    expect(compilePattern(pattern).read(text)).toBe(instant);
  });

  test.each([
    ['dd/MM/yyyy', '5/1/2024'],
    ['dd/MM/yyyy', '31/02/2024'],
    ['dd/MM/yyyy', '2024-05-01'],
    ['dd/MM/yyyy', '01/05/2024 10:00'],
    ['dd.MM.yyyy', '01x05x2024'],
    ['h:mm a d.M.yyyy', '13:00 pm 1.5.2024'],
    ['yyyy-MM-dd HH:mm', '2024-05-01 24:00'],
    ['yyyy-MM-dd', '0000-05-01'],
  ])('%s does not read %s', (pattern, text) => {
    expect(compilePattern(pattern).read(text)).toBeUndefined();
  });

  test.each([
    ['DD/MM/YYYY', '"DD" is not known'],
    ['dd/mm', 'it has no year'],
    ['yyyy dd', 'no month'],
    ['yyyy-MM-dd hh:mm', 'needs a (AM or PM)'],
    ["yyyy 'at", 'not closed'],
    ['yyyy-MM-ddTHH', '"T" is not known'],
    ['yyyyy', '"yyyyy" is not known'],
    ['yyyy constructor', 'is not known'],
  ])('%s is refused: %s', (pattern, words) => {
    expect(() => compilePattern(pattern)).toThrow(PatternError);
    expect(() => compilePattern(pattern)).toThrow(words);
  });

  test('reads what it writes', () => {
    const pattern = compilePattern("EEE, dd MMM yyyy 'at' hh:mm:ss.SSS a xxx");
    const times = fc.integer({ min: Date.parse('1000-01-01T00:00:00Z'), max: Date.parse('9999-12-31T00:00:00Z') });
    fc.assert(
      fc.property(times, (milliseconds) => {
        expect(pattern.read(pattern.write(milliseconds))).toBe(new Date(milliseconds).toISOString());
      }),
    );
    expect(compilePattern('yyyy-MM-dd HH:mm').write(Date.parse('2024-05-01T10:00:59Z'))).toBe('2024-05-01 10:00');
  });
});
