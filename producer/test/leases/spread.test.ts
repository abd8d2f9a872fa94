import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spread } from '../../src/leases/spread.js';

const ids = (count: number) => Array.from({ length: count }, (_, index) => `endpoint-${index}`);
const producers = (count: number, endpoints: readonly string[]) =>
  new Map(Array.from({ length: count }, (_, index) => [`producer-${index}`, endpoints]));

describe('the spread of endpoints over producers', () => {
  it('gives each endpoint to exactly one producer, and no producer more than a fair share', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 7 }), (endpoints, count) => {
        const shares = [...spread(producers(count, ids(endpoints))).values()];
        expect(shares.flatMap((share) => [...share]).sort()).toEqual(ids(endpoints).sort());
        for (const share of shares) expect(share.size).toBeLessThanOrEqual(Math.ceil(endpoints / count));
      }),
    );
  });

  it('is the same at every producer, in any order in which it learned of the others', () => {
    const living = producers(3, ids(20));
    expect(spread(new Map([...living].reverse()))).toEqual(spread(living));
  });

  it('leaves most endpoints where they are when a producer comes', () => {
    const before = spread(producers(3, ids(90)));
    const after = spread(producers(4, ids(90)));
    const stayed = [...before].flatMap(([producer, share]) => [...share].filter((id) => after.get(producer)?.has(id)));
    expect(stayed.length).toBeGreaterThan(45);
  });

  it('gives an endpoint only to a producer that knows it', () => {
    const shares = spread(
      new Map([
        ['old', ['a']],
        ['new', ['a', 'b', 'c']],
      ]),
    );
    expect(shares.get('old')?.has('b')).toBe(false);
    expect([...(shares.get('new') ?? [])]).toEqual(expect.arrayContaining(['b', 'c']));
  });
});
