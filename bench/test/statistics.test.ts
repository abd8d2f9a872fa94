import { describe, expect, test } from 'vitest';
import { compare, median, percentile, spread } from '../src/statistics.js';

describe('median', () => {
  test('is the middle value of an odd number of values, in any order', () => {
    expect(median([30, 10, 20])).toBe(20);
  });

  test('is half way between the two middle values of an even number of values', () => {
    expect(median([1, 4, 2, 100])).toBe(3);
  });

  test('compares numbers as numbers, not as text', () => {
    expect(median([9, 10, 100])).toBe(10);
  });

  test('of no values is an error, because a zero would look like a result', () => {
    expect(() => median([])).toThrow('nothing was measured');
  });
});

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  test('is a value that was measured', () => {
    expect([0.5, 0.95, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([50, 95, 99, 100]);
    expect(percentile([1, 1_000], 0.5)).toBe(1);
  });

  test('of share 0 is the smallest', () => {
    expect(percentile(hundred, 0)).toBe(1);
  });
});

describe('spread', () => {
  test('is the distance between the extremes, as a share of the median', () => {
    expect(spread([90, 100, 120])).toBeCloseTo(0.3);
  });

  test('of one value is 0', () => {
    expect(spread([7])).toBe(0);
  });
});

describe('compare', () => {
  test('divides the medians', () => {
    const rounds = [10, 30, 20].map((value) => ({ value, limit: 40 }));
    expect(compare(rounds)).toMatchObject({ value: 20, limit: 40, ratio: 0.5 });
  });

  test('sees no spread in a machine that slows down evenly', () => {
    const rounds = [100, 50, 25].map((value) => ({ value, limit: value * 2 }));
    expect(compare(rounds).spread).toBe(0);
  });

  test('sees the spread of the ratios', () => {
    const rounds = [4, 5, 6].map((value) => ({ value, limit: 10 }));
    expect(compare(rounds).spread).toBeCloseTo(0.4);
  });
});
