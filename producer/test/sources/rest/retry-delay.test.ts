import { describe, expect, it } from 'vitest';
import { retryAfter } from '../../../src/sources/rest/retry-delay.js';

const now = Date.parse('2026-03-01T12:00:00Z');

describe('retryAfter', () => {
  it.each([
    ['seconds', '7', 7_000],
    ['zero seconds', '0', 0],
    ['a date', 'Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
    ['a date that is past', 'Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['more than five minutes', '86400', 300_000],
    ['a date far away', 'Mon, 01 Mar 2027 12:00:00 GMT', 300_000],
    ['an unreadable header', 'soon', 0],
    ['a negative number', '-5', 0],
    ['nothing', undefined, 0],
  ])('reads %s', (_what, header, wait) => {
    expect(retryAfter(header, now, 300_000)).toBe(wait);
  });
});
