import { compilePath, RetryableError } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { recordsAt } from '../../../../src/sources/rest/formats/records-at.js';

const answer = { status: 200, excerpt: () => '' };
const at = (path: string, body: unknown) => recordsAt(body, compilePath(path), answer);

describe('the records of a body', () => {
  it.each([
    ['$', [1]],
    ['$.data.items', { data: { items: [1] } }],
    ['$[1]', [{ page: 1 }, [1]]],
    ["$['the records']", { 'the records': [1] }],
    ['$.d?', { d: [1] }],
  ])('lie at %s', (path, body) => {
    expect(at(path, body)).toEqual([1]);
  });

  it('may be missing where their path says so, and must be a list if they are there', () => {
    expect(at('$.results?', {})).toEqual([]);
    expect(() => at('$.results?', { results: 'none' })).toThrow(RetryableError);
    expect(() => at('$.results', {})).toThrow('$.results should be a list of records and is missing');
  });
});
