import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoopGuard } from '../../../../src/sources/rest/paging/loop-guard.js';
import type { PageAddress } from '../../../../src/sources/rest/paging/pager.js';

const page = (number: number): PageAddress => ({ values: { page: number } });

/** How many pages are read, of `before` and then a circle of `round`, until the guard speaks. */
function pagesUntilNoticed(before: number, round: number): number {
  const guard = new LoopGuard(page(0));
  const after = (index: number) => page(index < before ? index : before + ((index - before) % round));
  for (let index = 0; index < 100_000; index++) if (guard.isLoop(after(index), after(index + 1))) return index;
  return Number.POSITIVE_INFINITY;
}

describe('LoopGuard', () => {
  it('notices at once that a cursor does not move', () => {
    expect(pagesUntilNoticed(1_000, 1)).toBe(1_000);
  });

  it('notices any circle within a few rounds', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 1, max: 200 }), (before, round) => {
        expect(pagesUntilNoticed(before, round)).toBeLessThanOrEqual(3 * (before + round) + 3);
      }),
    );
  });

  it('says nothing of pages that are all different', () => {
    expect(pagesUntilNoticed(100_001, 1)).toBe(Number.POSITIVE_INFINITY);
  });
});
