import { describe, expect, it } from 'vitest';
import { follow } from '../../../../src/sources/rest/paging/follow.js';
import { addressOf } from '../../../../src/sources/rest/request/address.js';
import { json, startApi } from '../../../support/api.js';
import { recordsOf, sourceWith } from '../../../support/source.js';

const ids = (from: number, count: number) => Array.from({ length: count }, (_, index) => ({ id: from + index }));

describe('the end of the pages', () => {
  it('is told by has_more, with the id of the last record as the cursor', async () => {
    const api = await startApi(({ url }, response) => {
      const after = Number(url.searchParams.get('starting_after') ?? 0);
      json(response, { data: ids(after + 1, 2), has_more: after < 4 });
    });
    const paging = { type: 'cursor', next: '$.data[-1].id', parameter: 'starting_after', while: '$.has_more' };
    expect(recordsOf(await sourceWith({ url: api.url, items: '$.data', paging }).read())).toEqual(ids(1, 6));
  });

  it('is told by isLast, and by numbers of pages or records', async () => {
    const whole = ids(1, 7);
    const serve = (extra: (page: number) => object) =>
      startApi(({ url }, response) => {
        const page = Number(url.searchParams.get('page'));
        if (page > 3) response.writeHead(404).end();
        else json(response, { data: whole.slice(3 * page - 3, 3 * page), ...extra(page) });
      });
    const read = async (extra: (page: number) => object, settings: object) => {
      const api = await serve(extra);
      const { read } = sourceWith({ url: api.url, items: '$.data', paging: { type: 'page', size: 3, ...settings } });
      return [recordsOf(await read()), api.asked.length];
    };
    expect(await read((page) => ({ isLast: page === 3 }), { until: '$.isLast' })).toEqual([whole, 3]);
    expect(await read(() => ({ meta: { pages: 3 } }), { total: '$.meta.pages', totalIn: 'pages' })).toEqual([whole, 3]);
    expect(await read(() => ({ total: '7' }), { total: '$.total' })).toEqual([whole, 3]);
    expect(await read(() => ({}), { endStatus: [404] })).toEqual([whole, 4]);
  });

  it('is not where a total says, if the server gives smaller pages than it is asked for', async () => {
    for (const paging of [
      { type: 'page', size: 500, total: '$.total' },
      { type: 'offset', size: 500, total: '$.total' },
    ]) {
      const api = await startApi(({ url }, response) => {
        const offset = Number(url.searchParams.get('offset') ?? (Number(url.searchParams.get('page')) - 1) * 10);
        json(response, { data: ids(1, 100).slice(offset, offset + 10), total: 100 });
      });
      expect(recordsOf(await sourceWith({ url: api.url, items: '$.data', paging }).read())).toEqual(ids(1, 100));
    }
  });

  it('is not where a total says, if the API names a next page', async () => {
    const api = await startApi(({ url }, response) => {
      const at = Number(url.searchParams.get('cursor') ?? 0);
      json(response, { data: ids(at, 2), total: 4, next: at < 4 ? at + 2 : null });
    });
    const paging = { type: 'cursor', next: '$.next', total: '$.total' };
    expect(recordsOf(await sourceWith({ url: api.url, items: '$.data', paging }).read())).toEqual(ids(0, 6));
  });

  it('is the third empty page in a row, whatever is counted', async () => {
    const api = await startApi(({ url }, response) => {
      json(response, { data: url.searchParams.get('page') === '1' ? ids(1, 2) : [], total: 3, has_more: true });
    });
    for (const paging of [{ type: 'page', total: '$.total' }, { type: 'page' }]) {
      const before = api.asked.length;
      expect(recordsOf(await sourceWith({ url: api.url, items: '$.data', paging }).read())).toEqual(ids(1, 2));
      expect(api.asked.length - before).toBe(4);
    }
  });

  it('is not an empty page where the body says that more follow', async () => {
    const serve = (more: (page: number) => object) =>
      startApi(({ url }, response) => {
        const page = Number(url.searchParams.get('page'));
        json(response, { data: page === 2 || page > 3 ? [] : ids(page, 1), ...more(page) });
      });
    for (const more of [
      () => ({ total_pages: 3 }),
      () => ({ meta: { last_page: 3 } }),
      (page: number) => ({ pagination: { hasNext: page < 3 } }),
      () => ({ totalPages: '3' }),
      () => ({ info: { pages: 3 } }),
      (page: number) => ({ meta: { hasMore: String(page < 3) } }),
      (page: number) => ({ links: { next: page < 3 ? `/?page=${page + 1}` : null } }),
      (page: number) => ({ _links: page < 3 ? { next: { href: `/?page=${page + 1}` } } : {} }),
    ]) {
      const api = await serve(more);
      const { read } = sourceWith({ url: api.url, items: '$.data', paging: { type: 'page', size: 1 } });
      expect(recordsOf(await read())).toEqual([{ id: 1 }, { id: 3 }]);
    }
  });

  it('is told by an expression over the body', async () => {
    const api = await startApi(({ url }, response) => {
      const page = Number(url.searchParams.get('page'));
      json(response, { data: ids(page, 1), at: page, of: 3, state: page < 3 ? 'PARTIAL' : 'DONE' });
    });
    for (const ends of [{ while: 'body.at < body.of' }, { until: "body.state == 'DONE'" }]) {
      const { read } = sourceWith({ url: api.url, items: '$.data', paging: { type: 'page', size: 1, ...ends } });
      expect(recordsOf(await read())).toEqual(ids(1, 3));
    }
    const failing = { items: '$.data', errorWhen: "body.state == 'PARTIAL'", retries: 0 };
    await expect(sourceWith({ url: `${api.url}/?page=1`, ...failing }).read()).rejects.toMatchObject({
      code: 'error_in_body',
    });
    expect(() => sourceWith({ url: api.url, errorWhen: 'body.ok ==' })).toThrow('a CEL expression over body');
  });

  it('is told where the body says that more pages follow, and paging finds none', async () => {
    const api = await startApi((_request, response) => json(response, { data: [{ id: 1 }], has_more: true }));
    const { read, doubts } = sourceWith({ url: api.url, items: '$.data' });
    expect(recordsOf(await read())).toEqual([{ id: 1 }]);
    await read();
    expect(doubts).toMatchObject([expect.stringContaining('the body says that more pages follow')]);
    const empty = await startApi((_request, response) => json(response, { data: [], meta: { total_pages: 3 } }));
    const paging = { type: 'cursor', next: '$.next' };
    expect(recordsOf(await sourceWith({ url: empty.url, items: '$.data', paging }).read())).toEqual([]);
  });

  it('is a fault where the API says that there is more, and not where', async () => {
    const api = await startApi((_request, response) => json(response, { data: [{ id: 1 }], more: true, next: null }));
    const paging = { type: 'cursor', next: '$.next', while: '$.more' };
    await expect(sourceWith({ url: api.url, items: '$.data', paging, retries: 1 }).read()).rejects.toThrow(
      '$.more says that more follows, but the page does not say where',
    );
  });

  it('is an empty page whose cursor stands still; one with records goes in circles', async () => {
    const api = await startApi(({ url }, response) => {
      json(response, { data: url.searchParams.has('cursor') ? [] : [{ id: 1 }], next: 'c9' });
    });
    const paging = { type: 'cursor', next: '$.next' };
    expect(recordsOf(await sourceWith({ url: api.url, items: '$.data', paging }).read())).toEqual([{ id: 1 }]);
    const circle = await startApi((_request, response) => json(response, { data: [{ id: 1 }], next: 'c9' }));
    await expect(sourceWith({ url: circle.url, items: '$.data', paging }).read()).rejects.toMatchObject({
      code: 'paging_loops',
    });
  });

  it('is told where the API gives its first page for every number, however short it is', async () => {
    for (const paging of [
      { type: 'page', size: 100 },
      { type: 'offset', size: 100 },
    ]) {
      const api = await startApi((_request, response) => json(response, ids(1, 20)));
      const { read, doubts } = sourceWith({ url: api.url, paging });
      expect(recordsOf(await read())).toEqual(ids(1, 20));
      expect(doubts).toMatchObject([expect.stringContaining('is the same as page 1')]);
    }
  });

  it('is what a fresh Link header of a 304 says, not what was remembered', async () => {
    let pages = 1;
    const api = await startApi(({ url, headers }, response) => {
      const page = Number(url.searchParams.get('page') ?? 1);
      const link = { link: page < pages ? `</?page=${page + 1}>; rel="next"` : '</>; rel="first"' };
      if (headers['if-none-match'] === `"${page}"`) response.writeHead(304, { etag: `"${page}"`, ...link }).end();
      else json(response, [{ id: page }], { etag: `"${page}"`, ...link });
    });
    const { read } = sourceWith({ url: api.url, paging: { type: 'link' } });
    const first = await read();
    pages = 2;
    const validators = first.flatMap(({ validator }) => validator ?? []);
    const second = await read({ validators });
    expect(recordsOf(second)).toEqual([{ id: 2 }]);
    const third = await read({ validators: second.flatMap(({ validator }) => validator ?? []) });
    expect(third.map(({ notModified }) => notModified)).toEqual([true, true]);
    pages = 1;
    const fourth = await read({ validators: third.flatMap(({ validator }) => validator ?? []) });
    expect(fourth).toHaveLength(1);
  });

  it('of a part of a whole (206) is where the whole ends', async () => {
    const api = await startApi(({ url }, response) => {
      const offset = Number(url.searchParams.get('offset') ?? 0);
      response.writeHead(206, {
        'content-range': `items ${offset}-${offset + 1}/5`,
        'content-type': 'application/json',
      });
      response.end(JSON.stringify(ids(offset, Math.min(2, 5 - offset))));
    });
    const { read } = sourceWith({ url: api.url, paging: { type: 'offset', size: 2 } });
    expect(recordsOf(await read())).toEqual(ids(0, 5));
    expect(api.asked).toHaveLength(3);
    await expect(sourceWith({ url: api.url, retries: 0 }).read()).rejects.toThrow(
      'the Content-Range header tells of 5 records, which are not all here',
    );
  });

  it('is a link to another server: the records of its page are taken before that is told', async () => {
    const api = await startApi((_request, response) =>
      json(response, { data: [{ id: 1 }], next: 'http://other.example/2' }),
    );
    const { source, stop } = sourceWith({
      url: api.url,
      items: '$.data',
      paging: { type: 'next-url', next: '$.next' },
    });
    const taken: unknown[] = [];
    const reading = (async () => {
      for await (const page of source.pages({ validators: [], signal: stop.signal })) taken.push(...page.records);
    })();
    await expect(reading).rejects.toThrow('leads to another server, http://other.example/2');
    expect(taken).toEqual([{ id: 1 }]);
    expect(api.asked).toHaveLength(1);
  });

  it('is not a link that says http where https was asked: the same host is asked over https', () => {
    const asked = addressOf('https://api.example/c?page=1');
    const to = (target: string) => follow(asked, target, '$.next').href;
    expect(to('http://api.example/c?page=2')).toBe('https://api.example/c?page=2');
    expect(() => to('http://api.example:8080/c')).toThrow('leads to another server');
    expect(() => to('http://other.example/c')).toThrow('leads to another server');
    expect(() => follow(addressOf('http://api/'), 'https://api/', '$.next')).toThrow('leads to another server');
  });

  it('keeps a repeated parameter of the URL as it is when a page is remembered, and no key', async () => {
    const api = await startApi(({ url, headers }, response) => {
      const page = Number(url.searchParams.get('page') ?? 1);
      const next = page < 2 ? { next: `${url.pathname}${url.search}&page=2` } : {};
      if (headers['if-none-match'] !== undefined && page === 1) response.writeHead(304, { etag: '"1"' }).end();
      else json(response, { data: [{ id: page }], ...next }, { etag: '"1"' });
    });
    const { read } = sourceWith({
      url: `${api.url}/?status=open&status=closed`,
      items: '$.data',
      paging: { type: 'next-url', next: '$.next' },
      auth: { type: 'api-key', in: 'query', name: 'api_key', value: 'SUPERSECRETKEY' },
    });
    const validators = (await read()).flatMap(({ validator }) => validator ?? []);
    expect(JSON.stringify(validators)).not.toContain('SUPERSECRETKEY');
    await read({ validators });
    expect(api.paths.at(-1)).toMatch(/^\/\?status=open&status=closed&.*page=2/);
    expect(api.paths.at(-1)).toContain('api_key=SUPERSECRETKEY');
  });
});
