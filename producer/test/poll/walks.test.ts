import { describe, expect, it } from 'vitest';
import type { Cursor } from '../../src/cursor/cursor.js';
import { Walks } from '../../src/poll/walks.js';
import { endpointWith } from '../support/pipeline.js';

const NOON = Date.parse('2026-03-01T12:00:00Z');

/** An endpoint whose versions are a sequence, or text, read page by page in the order of its ids. */
function setUp(type: 'integer' | 'string', paging: object = { type: 'cursor', next: '$.next' }) {
  const fields = { id: 'string', version: type };
  const entities = { thing: { dataset: 'things', queue: 'things', key: 'id', version: 'version', fields } };
  const settings = { url: 'http://127.0.0.1:1/', entity: 'thing', incremental: { parameter: 'since' }, paging };
  const endpoint = endpointWith(settings, { entities });
  /** One run over these pages of versions; what it asked since, and what it leaves. */
  return (saved: Cursor, ...walksOfPages: string[][][]) => {
    const walks = new Walks(endpoint, saved, NOON, true);
    for (const pages of walksOfPages) {
      const walk = walks.begin(NOON);
      for (const [index, versions] of pages.entries()) {
        const counted = index > 0 && 'parameter' in endpoint.config.paging && endpoint.config.paging.type === 'page';
        const page = { records: versions, fetchedAt: NOON, serverTime: undefined, notModified: false };
        walk.page({ ...page, counted, validator: undefined });
        for (const version of versions) {
          walk.record({ envelope: { key: version, version } });
        }
      }
      if (!walks.again(walk)) break;
    }
    return { since: walks.since, cursor: walks.cursor() };
  };
}

const EMPTY: Cursor = { validators: [] };

describe.each([['integer' as const], ['string' as const]])('a mark that is no time (%s)', (type) => {
  it('stays a run behind after several pages: a record may have changed on a page already read', () => {
    const run = setUp(type);
    // While the second page is read, the record of version 10 gets version 80, below the 90 that is read there.
    const first = run(EMPTY, [['10'], ['90']]);
    expect(first.cursor).toEqual({ seen: '90', validators: [] });
    const second = run(first.cursor, [['80'], ['90']]);
    expect([second.since, second.cursor]).toEqual([undefined, { mark: '90', seen: '90', validators: [] }]);
    const third = run(second.cursor, [['91'], ['92']]);
    expect([third.since, third.cursor]).toEqual(['90', { mark: '90', seen: '92', validators: [] }]);
    expect(run(third.cursor, [[], []]).cursor).toEqual({ mark: '92', seen: '92', validators: [] });
  });

  it('is the largest seen after a page that holds all of it', () => {
    expect(setUp(type)({ mark: '10', validators: [] }, [['11', '12']]).cursor).toEqual({ mark: '12', validators: [] });
  });

  it('is the largest seen after two walks that agree', () => {
    const run = setUp(type, { type: 'page', size: 1 });
    const pages = [['11'], ['12'], []];
    expect(run(EMPTY, pages, pages).cursor).toEqual({ mark: '12', validators: [] });
    expect(run(EMPTY, pages, [['13'], ['12'], []], [['13'], ['12'], []]).cursor).toEqual({
      mark: '13',
      validators: [],
    });
  });
});
