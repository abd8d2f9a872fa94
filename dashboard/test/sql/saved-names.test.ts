import { describe, expect, it } from 'vitest';
import { queryName } from '../../src/sql/operations.js';

describe('the name of a saved query', () => {
  it.each(['one', 'Umsätze / Monat', 'a.b', '...', '<img src=x>', '100 %', '売上'])('may be %j', (name) => {
    expect(queryName.parse(name)).toBe(name);
  });

  it.each([
    '',
    ' ',
    '.',
    '..',
    ' .. ',
    'a\u202Eb',
    'a\u200Bb',
    'a\u3164',
    'a\u115F',
    'a\u034Fb',
    'a\u2800',
    '\u3164',
    'a\u0000b',
    'a\nb',
    'a\u2028b',
    'a\uD800',
    'x'.repeat(81),
  ])('is not %j', (name) => {
    expect(queryName.safeParse(name).success).toBe(false);
  });
});
