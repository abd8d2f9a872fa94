import { describe, expect, it } from 'vitest';
import { linkTarget } from '../../../../src/sources/rest/paging/link.js';

describe('linkTarget', () => {
  it.each([
    ['a plain link', '<https://a/2>; rel="next"', 'https://a/2'],
    ['one of several', '<https://a/1>; rel="prev", <https://a/3>; rel="next"', 'https://a/3'],
    ['a relation without quotes', '<https://a/2>; rel=next', 'https://a/2'],
    ['a relation among others', '<https://a/2>; rel="last next"', 'https://a/2'],
    ['another case', '<https://a/2>; REL="Next"', 'https://a/2'],
    ['white space anywhere', '<https://a/2> ;  rel = "next"', 'https://a/2'],
    ['commas and semicolons in the target', '<https://a/2?x=1,2;3>; rel="next"', 'https://a/2?x=1,2;3'],
    ['a comma in a quoted parameter', '<https://a/1>; title="a, <b>; rel=next"; rel=prev, </2>; rel=next', '/2'],
    ['an escaped quote in a parameter', '</1>; title="\\"next\\""; rel=last, </2>; rel=next', '/2'],
    ['a parameter without a value', '</2>; crossorigin; rel=next', '/2'],
    ['only the first rel of a link', '</1>; rel=prev; rel=next, </2>; rel=next', '/2'],
    ['the first of two links', '</2>; rel=next, </3>; rel=next', '/2'],
  ])('finds %s', (_what, header, target) => {
    expect(linkTarget(header, 'next')).toBe(target);
  });

  it.each([
    ['an empty header', ''],
    ['no such relation', '<https://a/1>; rel="prev"'],
    ['a relation that only begins like it', '<https://a/1>; rel="next-archive"'],
    ['a target without brackets', 'https://a/2; rel="next"'],
    ['a link without parameters', '<https://a/2>'],
  ])('finds nothing in %s', (_what, header) => {
    expect(linkTarget(header, 'next')).toBeUndefined();
  });

  it('reads a hostile header in no time', () => {
    const started = performance.now();
    linkTarget(`<a>${'; a="\\"'.repeat(2_000)}${' '.repeat(4_000)}`, 'next');
    linkTarget(`<a>${';'.repeat(8_000)}`, 'next');
    linkTarget('<'.repeat(16_000), 'next');
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
