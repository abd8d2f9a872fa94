import { describe, expect, it } from 'vitest';
import { json, startApi } from '../../support/api.js';
import { sourceWith } from '../../support/source.js';

describe('a request', () => {
  it('sends the query as the user wrote it, on the first page and on those that follow', async () => {
    const query = "$filter=Status%20eq%20'open'&$select=id,(a)&tags[]=x%2By&empty=&flag";
    const api = await startApi(({ url }, response) =>
      json(response, url.searchParams.get('page') === '1' ? [{ id: 1 }] : []),
    );
    await sourceWith({ url: `${api.url}/o.svc/Orders(1)?${query}`, paging: { type: 'page', size: 10 } }).read();
    expect(api.asked.map(({ path }) => path)).toEqual([
      `/o.svc/Orders(1)?${query}&page=1`,
      `/o.svc/Orders(1)?${query}&page=2`,
    ]);
  });

  it('replaces a parameter that stands in the query already in its place', async () => {
    const api = await startApi((_request, response) => json(response, []));
    await sourceWith({ url: `${api.url}/?a=1&page=7&b=x%20y`, paging: { type: 'page', size: 10 } }).read();
    expect(api.asked[0]?.path).toBe('/?a=1&page=1&b=x%20y');
  });

  it('takes a user and a password from the URL, encoded or not', async () => {
    for (const password of ['50%off', '50%25off', 'p:a@ss'.replace('@', '%40')]) {
      const api = await startApi((_request, response) => json(response, []));
      await sourceWith({ url: api.url.replace('//', `//user:${password}@`) }).read();
      const sent = Buffer.from(api.asked[0]?.headers.authorization?.split(' ')[1] ?? '', 'base64').toString();
      expect(sent).toBe(`user:${password === 'p:a%40ss' ? 'p:a@ss' : '50%off'}`);
    }
  });

  it('fills placeholders in URL, query, headers and body, and keeps their types in a body', async () => {
    const api = await startApi(({ body }, response) => {
      const { from } = JSON.parse(body) as { from: number };
      json(response, { items: from < 2 ? [{ id: from }] : [] });
    });
    await sourceWith({
      url: `${api.url}/search/{{size}}?q=a-{{since}}`,
      query: { window: '{{since}}/{{until}}', fixed: 'x' },
      headers: { 'x-since': '{{since}}' },
      body: {
        from: '{{offset}}',
        limit: '{{size}}',
        range: { gte: '{{since}}', text: 'since {{since}}' },
        tags: ['a'],
      },
      incremental: {},
      items: '$.items',
      paging: { type: 'offset', size: 1 },
    }).read({ since: '2026-01-01T00:00:00Z' });
    const [first, second] = api.asked;
    expect(first).toMatchObject({
      method: 'POST',
      path: '/search/1?q=a-2026-01-01T00%3A00%3A00Z&fixed=x',
      headers: { 'content-type': 'application/json', 'x-since': '2026-01-01T00:00:00Z' },
    });
    expect(JSON.parse(first?.body ?? '')).toEqual({
      from: 0,
      limit: 1,
      range: { gte: '2026-01-01T00:00:00Z', text: 'since 2026-01-01T00:00:00Z' },
      tags: ['a'],
    });
    expect(JSON.parse(second?.body ?? '')).toMatchObject({ from: 1 });
  });

  it('leaves out what has an empty placeholder: an entry of the query, a header, a property, an element', async () => {
    const api = await startApi((_request, response) => json(response, []));
    await sourceWith({
      url: `${api.url}/?since={{since}}&a=b`,
      query: { updated: '>={{since}}' },
      headers: { 'x-since': '{{since}}' },
      body: { filter: { updated: { gte: '{{since}}' } }, all: ['{{since}}', 'x'], none: [], text: '', keep: 1 },
      incremental: {},
    }).read();
    expect(api.asked[0]?.path).toBe('/?a=b');
    expect(api.asked[0]?.headers['x-since']).toBeUndefined();
    expect(JSON.parse(api.asked[0]?.body ?? '')).toEqual({ all: ['x'], none: [], text: '', keep: 1 });
  });

  it('does not send a parameter beside the placeholder that replaces it', async () => {
    const api = await startApi(({ url }, response) => {
      json(response, { data: [1], next: url.searchParams.get('q') === 'a b' ? 'b&c' : null });
    });
    await sourceWith({
      url: `${api.url}/?q=a b&after={{cursor}}`,
      items: '$.data',
      paging: { type: 'cursor', next: '$.next' },
    })
      .read()
      .catch(() => {});
    expect(api.asked.map(({ path }) => path).slice(0, 2)).toEqual(['/?q=a%20b', '/?q=a%20b&after=b%26c']);
  });

  it('sends forms, texts and GraphQL', async () => {
    const api = await startApi((_request, response) => json(response, []));
    await sourceWith({ url: api.url, form: { grant: 'a b', since: '{{since}}', n: 1 }, incremental: {} }).read();
    await sourceWith({ url: api.url, method: 'PUT', body: 'fields name; limit 50;' }).read();
    await sourceWith({
      url: api.url,
      graphql: { query: '{ a }', variables: { after: '{{since}}' } },
      incremental: {},
    }).read();
    expect(api.asked).toMatchObject([
      { method: 'POST', body: 'grant=a+b&n=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      { method: 'PUT', body: 'fields name; limit 50;' },
      { method: 'POST', body: '{"query":"{ a }"}' },
    ]);
  });

  it('asks for the next page with the exact cursor, however many digits it has', async () => {
    const cursors = ['1374004777531007833', '"9007199254740993"', '18446744073709551615', '0.12345678901234567890'];
    for (const cursor of cursors) {
      const api = await startApi((_request, response, number) => {
        response.end(number === 0 ? `{"data":[{"id":1}],"nextCursor":${cursor}}` : '{"data":[]}');
      });
      await sourceWith({ url: api.url, items: '$.data', paging: { type: 'cursor', next: '$.nextCursor' } }).read();
      expect(api.asked[1]?.url.searchParams.get('cursor')).toBe(cursor.replaceAll('"', ''));
      const posted = await startApi(({ body }, response) => {
        response.end(body.includes('after') ? '{"data":[]}' : `{"data":[{"id":1}],"nextCursor":${cursor}}`);
      });
      await sourceWith({
        url: posted.url,
        body: { after: '{{cursor}}' },
        items: '$.data',
        paging: { type: 'cursor', next: '$.nextCursor' },
      }).read();
      expect(posted.asked[1]?.body).toBe(`{"after":${cursor}}`);
    }
  });

  it('keeps the cookies that the API sets within a run, and sends them nowhere else', async () => {
    const api = await startApi(({ headers, url }, response) => {
      const cookies =
        url.searchParams.has('page') && url.searchParams.get('page') !== '1'
          ? []
          : ['sid=abc; Path=/; HttpOnly', 'gone=1'];
      response.setHeader('set-cookie', [...cookies, 'gone=; Max-Age=0']);
      json(response, url.searchParams.get('page') === '3' ? [] : [{ id: url.search, cookie: headers.cookie }]);
    });
    const { read } = sourceWith({ url: api.url, paging: { type: 'page', size: 1 }, headers: { cookie: 'lang=en' } });
    await read();
    expect(api.asked.map(({ headers }) => headers.cookie)).toEqual(['lang=en', 'lang=en; sid=abc', 'lang=en; sid=abc']);
    await read();
    expect(api.asked[3]?.headers.cookie).toBe('lang=en');
  });

  it('shows no secret of a body that the API sends back', async () => {
    const api = await startApi(({ body }, response) => response.writeHead(400).end(`bad ${body}`));
    const { read } = sourceWith({
      url: api.url,
      body: { apiKey: 'k-123456', nested: { password: 'p-98765' }, q: 'shown' },
    });
    const error = String(await read().catch(String));
    expect(error).toContain('shown');
    expect(error).not.toMatch(/k-123456|p-98765/);
  });
});
