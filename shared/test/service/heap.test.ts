import { describe, expect, it } from 'vitest';
import { growthOf } from '../../src/service/heap.js';

const MB = 1024 ** 2;

describe('the old part of the heap', () => {
  it('grows up to 64 MB before it is collected', () => {
    expect(growthOf(32 * MB)).toBe(100);
    expect(growthOf(40 * MB)).toBe(60);
  });

  it('grows by a half at least, because each collection costs time for all that lives', () => {
    expect(growthOf(60 * MB)).toBe(50);
    expect(growthOf(500 * MB)).toBe(50);
  });

  it('grows no more than by what V8 chooses itself', () => {
    expect(growthOf(5 * MB)).toBe(300);
  });
});
