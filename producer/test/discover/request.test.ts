import { describe, expect, it } from 'vitest';
import { settingsOf } from '../../src/discover/ask/settings.js';
import { contentOf } from '../../src/discover/ask/target.js';
import { changeParameters } from '../../src/discover/changes/names.js';
import { writtenSince } from '../../src/discover/changes/written.js';
import { besidesOf } from '../../src/discover/paging/envelope.js';
import { hintsOf, toldBy } from '../../src/discover/paging/hints.js';
import { cursorParameters, findName } from '../../src/discover/paging/names.js';
import { tableOf } from '../../src/discover/write/table.js';

const GET = { method: 'GET', headers: {} } as const;

describe('a time in the request', () => {
  it.each([
    ['start_time=1332034771', { parameter: 'start_time', format: 'unix', initial: '2012-03-18T01:39:31Z' }],
    ['since=2020-01-01T00:00:00Z', { parameter: 'since', initial: '2020-01-01' }],
    ['created[gte]=1577836800', { parameter: 'created[gte]', format: 'unix', initial: '2020-01-01' }],
    ['DateSent%3E=2016-08-31', { parameter: 'DateSent>', format: 'date', initial: '2016-08-31' }],
    [
      'modified_after=2020-01-01T10:00:00',
      { parameter: 'modified_after', format: "yyyy-MM-dd'T'HH:mm:ss", initial: '2020-01-01T10:00:00Z' },
    ],
  ])('is where the first poll begins: %s', (query, incremental) => {
    const settings = settingsOf({ ...GET, url: `https://x.example/a?${query}` });
    const found = writtenSince(settings);
    expect(found?.incremental).toEqual(incremental);
    expect(found?.place(settings)).toEqual({ url: 'https://x.example/a' });
  });

  it.each([
    [
      'jql=updated >= "2020-01-01 00:00" order by id',
      'updated >= "{{since}}" order by id',
      { format: 'yyyy-MM-dd HH:mm', initial: '2020-01-01' },
    ],
    [
      "$filter=Changed ge datetimeoffset'2020-01-01T00:00:00Z'",
      "Changed ge datetimeoffset'{{since}}'",
      { initial: '2020-01-01' },
    ],
    [
      "formula=IS_AFTER({Last Modified}, '2020-01-01T00:00:00.000Z')",
      "IS_AFTER({Last Modified}, '{{since}}')",
      { initial: '2020-01-01' },
    ],
    [
      'q=SELECT a FROM b WHERE c > 2020-01-01T00:00:00Z',
      'SELECT a FROM b WHERE c > {{since}}',
      { initial: '2020-01-01' },
    ],
  ])('is replaced within a text: %s', (query, text, incremental) => {
    const [name = '', ...rest] = query.split('=');
    const settings = settingsOf({ ...GET, url: `https://x.example/a?${name}=${encodeURIComponent(rest.join('='))}` });
    const found = writtenSince(settings);
    expect(found?.incremental).toEqual(incremental);
    expect(found?.place(settings).query).toEqual({ [name]: text });
  });

  it('is found in a body by what stands beside it', () => {
    const filter = { propertyName: 'changed', operator: 'GTE', value: '1577836800000' };
    const settings = settingsOf({
      ...GET,
      method: 'POST',
      url: 'https://x.example/a',
      body: { filters: [filter], limit: 5 },
    });
    const found = writtenSince(settings);
    expect(found).toMatchObject({ incremental: { format: 'unix-ms', initial: '2020-01-01' }, name: 'changed' });
    expect(found?.place(settings).body).toEqual({ filters: [{ ...filter, value: '{{since}}' }], limit: 5 });
  });

  it.each(['date=2020-01-01', 'until=2020-01-01', 'id=1332034771', 'page=1'])('is none: %s', (query) => {
    expect(writtenSince(settingsOf({ ...GET, url: `https://x.example/a?${query}` }))).toBeUndefined();
  });
});

describe('what a body says of the next page', () => {
  const hints = (body: unknown, items: string, link?: string) => {
    const besides = besidesOf(body, items);
    return hintsOf(besides, link, [], toldBy(besides, 2).flags).map(({ paging }) => paging);
  };

  it.each([
    [{ next: 'https://x.example/a?page=2', results: [] }, '$.results', { type: 'next-url', next: '$.next' }],
    [
      { _links: { next: { href: '/a?page=2' } }, items: [] },
      '$.items',
      { type: 'next-url', next: '$._links.next.href' },
    ],
    [
      { '@odata.nextLink': 'https://x.example/a?$skiptoken=2', value: [] },
      '$.value',
      { type: 'next-url', next: "$['@odata.nextLink']" },
    ],
    [
      { nextPageToken: 'abc', isLast: false, items: [] },
      '$.items',
      { type: 'cursor', next: '$.nextPageToken', until: '$.isLast' },
    ],
    [{ paging: { next: { after: '2' } }, results: [] }, '$.results', { type: 'cursor', next: '$.paging.next.after' }],
    [
      { data: { a: { pageInfo: { hasNextPage: true, endCursor: 'x' }, nodes: [] } } },
      '$.data.a.nodes',
      { type: 'cursor', next: '$.data.a.pageInfo.endCursor', while: '$.data.a.pageInfo.hasNextPage' },
    ],
  ])('%j', (body, items, paging) => {
    expect(hints(body, items)[0]).toEqual(paging);
  });

  it('may stand in the Link header', () => {
    expect(hints([], '$', '<https://x.example/a?page=2>; rel="next", <https://x.example/a>; rel="last"')).toEqual([
      { type: 'link' },
    ]);
  });

  it('is nothing where only pages before it are named', () => {
    expect(
      hints({ previous: 'https://x.example/a', first_page_uri: '/a', total_next: 4, items: [] }, '$.items'),
    ).toEqual([]);
  });

  it('tells of totals, and of the end', () => {
    const told = toldBy(besidesOf({ meta: { total: 9, total_pages: 3, page: 1 }, data: [] }, '$.data'), 4);
    expect(told).toMatchObject({
      totalRecords: { path: '$.meta.total' },
      totalPages: { path: '$.meta.total_pages' },
      page: { path: '$.meta.page' },
    });
    expect(toldBy(besidesOf({ next: null, data: [] }, '$.data'), 4).saysEnd).toMatchObject({ path: '$.next' });
  });
});

describe('the names that are tried', () => {
  it.each([
    ['nextPageToken', 'pageToken'],
    ['next_cursor', 'cursor'],
    ['after', 'after'],
    ['starting_after', 'starting_after'],
    ['next_token', 'token'],
    ['next_offset', 'offset'],
    ['endCursor', 'cursor'],
  ])('for the cursor %s begin with %s', (name, first) => {
    expect(cursorParameters(name, false, [])[0]).toBe(first);
  });

  it('are the request own ones first', () => {
    expect(cursorParameters('next', false, ['limit', 'page_token'])[0]).toBe('page_token');
  });

  it('are found among many with few requests', async () => {
    const names = changeParameters('updated_at');
    expect(names).toEqual(
      expect.arrayContaining([
        'since',
        'updated_since',
        'updated_at_min',
        'updated_at[gte]',
        'updated_at__gte',
        'updated_after',
      ]),
    );
    expect(changeParameters('updated')).toContain('updatedMin');
    let asked = 0;
    const found = await findName(names, async (some) => {
      asked += 1;
      return some.includes('updated_at__gte');
    });
    expect(found).toBe('updated_at__gte');
    expect(asked).toBeLessThanOrEqual(7);
    expect(await findName(names, async () => false)).toBeUndefined();
  });
});

describe('what is sent', () => {
  it('is a form unless it is JSON', () => {
    expect(contentOf('a=1&b=x%20y', undefined)).toEqual({ form: { a: '1', b: 'x y' } });
    expect(contentOf('{"a":1}', 'application/json')).toEqual({ body: { a: 1 } });
    expect(contentOf('fields name; limit 5;', 'text/plain')).toEqual({ body: 'fields name; limit 5;' });
  });

  it('has its query beside the URL, but for what stands there twice', () => {
    expect(settingsOf({ ...GET, url: 'https://x.example/a?b=1&c=2&c=3&d' })).toEqual({
      url: 'https://x.example/a?c=2&c=3&d',
      query: { b: '1' },
    });
  });
});

describe('a table', () => {
  it('fits the width, and names the columns that have no room', () => {
    const columns = ['id', 'name', 'note'].map((name) => ({ name, type: 'string' }));
    const rows = [
      { id: '1', name: '李雷\u001b[31m', note: 'x'.repeat(60) },
      { id: '2', name: 'b' },
    ];
    const table = tableOf(columns, rows, 30, 10);
    expect(table.split('\n').every((line) => line.length <= 30)).toBe(true);
    expect(table).toContain('100 %');
    expect(table).toContain('and 1 more: note');
    expect(table).not.toContain('\u001b');
  });
});
