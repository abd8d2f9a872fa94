import { describe, expect, it } from 'vitest';
import {
  getJson,
  getProblem,
  type Json,
  type Listing,
  ManualClock,
  post,
  put,
  restart,
  startMock,
  walk,
} from './setup.js';

const ids = (records: Json[]) => records.map(({ id }) => id);
const byId = (records: Json[]) => records.toSorted((a, b) => String(a.id).localeCompare(String(b.id)));

describe('a listing', () => {
  it('is the same from two mocks of one seed, and another from another seed', async () => {
    const [first, second, other] = await Promise.all([
      startMock({ seed: 5 }),
      startMock({ seed: 5 }),
      startMock({ seed: 6 }),
    ]);
    for (const path of ['/customers', '/products']) {
      expect(await walk(second, path)).toEqual(await walk(first, path));
      expect(await walk(other, path)).not.toEqual(await walk(first, path));
    }
  });

  it('begins with the same records whatever its size', async () => {
    const [small, large] = await Promise.all([startMock({ customers: 25 }), startMock({ customers: 100_000 })]);
    expect((await getJson<Listing>(large, '/customers?limit=25')).data).toEqual(await walk(small, '/customers'));
  });

  it.each([
    ['/customers?limit=7', 25],
    ['/customers?limit=25', 25],
    ['/customers?limit=1', 25],
    ['/products?limit=5', 10],
    ['/products', 10],
  ])('walked page by page (%s) has every record exactly once', async (path, count) => {
    const records = await walk(await startMock(), path);
    expect(records).toHaveLength(count);
    expect(new Set(records.map(({ id, sku }) => id ?? sku)).size).toBe(count);
  });

  it('gives 100 records a page unless told otherwise, and 1000 at most', async () => {
    const mock = await startMock({ customers: 1_500 });
    expect((await getJson<Listing>(mock, '/customers')).data).toHaveLength(100);
    expect((await getJson<Listing>(mock, '/customers?limit=1000')).data).toHaveLength(1_000);
  });

  it('is empty and without a cursor where there is nothing', async () => {
    const mock = await startMock({ customers: 0, items: 0 });
    expect(await getJson(mock, '/customers')).toEqual({ data: [], nextCursor: null });
    expect(await getJson(mock, '/products')).toEqual({ data: [], nextCursor: null });
  });

  it('misses no record that changes during the walk', async () => {
    const mock = await startMock({ customers: 60, items: 8 });
    let pages = 0;
    const seen = await walk(mock, '/customers?limit=5', async () => {
      // About half a page of customers changes behind and before each page; then it ends, so that the walk can.
      if (pages++ < 30) await post(mock, '/admin/changes?count=4');
    });
    expect(pages).toBeGreaterThan(12);
    expect([...new Set(ids(seen))].sort()).toEqual(ids(await walk(mock, '/customers')).sort());
  });

  it('told from the highest updatedAt of a client brings that client every change, none skipped', async () => {
    const mock = await startMock({ customers: 40, items: 8 });
    const known = new Map<unknown, Json>();
    let mark = '1970-01-01';
    const poll = async (between?: () => Promise<unknown>) => {
      for (const record of await walk(mock, `/customers?limit=3&updated_since=${mark}`, between)) {
        known.set(record.id, record);
        mark = String(record.updatedAt);
      }
    };
    for (let round = 0; round < 5; round++) {
      let left = 6;
      await poll(async () => {
        if (left-- > 0) await post(mock, '/admin/changes?count=3');
      });
      await post(mock, '/admin/changes?count=5');
    }
    await poll();
    expect(byId([...known.values()])).toEqual(byId(await walk(mock, '/customers')));
  });

  it('is in the order of updatedAt, and no two records share one', async () => {
    const mock = await startMock({ clock: new ManualClock() });
    await post(mock, '/admin/changes?count=200');
    const times = [...(await walk(mock, '/customers')), ...(await walk(mock, '/products'))].map((record) =>
      String(record.updatedAt),
    );
    const customers = times.slice(0, 25);
    expect(customers.toSorted()).toEqual(customers);
    expect(new Set(customers).size).toBe(25);
    for (const time of times) expect(new Date(time).toISOString()).toBe(time);
  });

  it('with updated_since has what changed at that time or later', async () => {
    const mock = await startMock();
    const all = await walk(mock, '/customers');
    const tenth = String(all[10]?.updatedAt);
    expect(await walk(mock, `/customers?limit=4&updated_since=${tenth}`)).toEqual(all.slice(10));
    const after = new Date(Date.parse(tenth) + 1).toISOString();
    expect(await walk(mock, `/customers?updated_since=${after}`)).toEqual(all.slice(11));
    const changed = await post<{ customers: string[] }>(mock, '/admin/changes?count=5');
    const afterAll = new Date(Date.parse(String(all.at(-1)?.updatedAt)) + 1).toISOString();
    const got = await walk(mock, `/customers?updated_since=${afterAll}`);
    expect(ids(got).sort()).toEqual([...new Set(changed.customers)].sort());
  });

  it.each(['2024-01-01', '2024-01-01T00:00Z', '2024-01-01T01:00:00%2B01:00', '2023-12-31T23:59:59.999999Z'])(
    'takes %s for a time',
    async (since) => {
      const mock = await startMock();
      expect(await walk(mock, `/customers?updated_since=${since}`)).toHaveLength(25);
    },
  );

  it.each([
    ['updated_since=yesterday', 'updated_since_invalid', '"yesterday"'],
    ['updated_since=2024-01-01T00:00:00', 'updated_since_invalid', 'with Z or an offset'],
    ['updated_since=2024-01-01T00:00:00+01:00', 'updated_since_invalid', '%2B'],
    ['updated_since=2024-02-30', 'updated_since_invalid', '"2024-02-30"'],
    ['updated_since=2024-01-01T25:00Z', 'updated_since_invalid', 'T25'],
    ['updated_since=', 'updated_since_invalid', '""'],
    ['limit=0', 'limit_invalid', 'from 1 to 1000, not "0"'],
    ['limit=1001', 'limit_invalid', '"1001"'],
    ['limit=ten', 'limit_invalid', '"ten"'],
    ['limit=5&limit=6', 'limit_invalid', '["5","6"]'],
    ['cursor=', 'cursor_unknown', '""'],
    ['cursor=abc', 'cursor_unknown', '/customers'],
    [`cursor=${Buffer.from('products 1704067200000').toString('base64url')}`, 'cursor_unknown', 'begin again'],
    [`cursor=${Buffer.from('customers 01704067200000').toString('base64url')}`, 'cursor_unknown', 'begin again'],
    [`cursor=${'x'.repeat(5_000)}`, 'cursor_unknown', '(5002 characters)'],
  ])('refuses ?%s in words', async (query, code, words) => {
    const mock = await startMock();
    const problem = await getProblem(mock, `/customers?${query}`);
    expect(problem).toMatchObject({ status: 400, code });
    expect(problem.message).toContain(words);
    expect(problem.message.length).toBeLessThan(300);
  });

  it('keeps a cursor good while records change, and after a restart', async () => {
    const mock = await startMock();
    const first = await getJson<Listing>(mock, '/customers?limit=20');
    await restart(mock);
    const rest = await getJson<Listing>(mock, `/customers?limit=20&cursor=${first.nextCursor}`);
    expect(ids([...first.data, ...rest.data])).toEqual(ids(await walk(mock, '/customers')));
  });
});

describe('one record', () => {
  it('is served by its key', async () => {
    const mock = await startMock();
    const [customers, products] = [await walk(mock, '/customers'), await walk(mock, '/products')];
    expect(await getJson(mock, '/customers/C-000003')).toEqual(customers[2]);
    expect(await getJson(mock, '/products/SKU-00010')).toEqual(products[9]);
  });

  it.each(['/customers/C-000026', '/customers/SKU-00001', '/products/SKU-00011', '/products/%22'])(
    'that does not exist (%s) is a 404 in words',
    async (path) => {
      const problem = await getProblem(await startMock(), path);
      expect(problem).toMatchObject({ status: 404, code: 'not_found' });
    },
  );
});

describe('an ETag', () => {
  it.each(['/customers?limit=5', '/customers/C-000001', '/products'])(
    'of %s that the client has is answered with 304 and no body',
    async (path) => {
      const mock = await startMock();
      const etag = (await fetch(mock.url + path)).headers.get('etag') ?? '';
      expect(etag).toMatch(/^"[\w-]{43}"$/);
      for (const ifNoneMatch of [etag, `"other", W/${etag}`, '*']) {
        const again = await fetch(mock.url + path, { headers: { 'If-None-Match': ifNoneMatch } });
        expect(again.status).toBe(304);
        expect(again.headers.get('etag')).toBe(etag);
        expect(await again.text()).toBe('');
      }
    },
  );

  it('changes with the content, and the new content is served in full', async () => {
    const mock = await startMock();
    const before = await fetch(`${mock.url}/customers/C-000001`);
    await put(mock, '/admin/customers/C-000001', '{"id":"C-000001"}');
    const headers = { 'If-None-Match': before.headers.get('etag') ?? '' };
    const after = await fetch(`${mock.url}/customers/C-000001`, { headers });
    expect(after.status).toBe(200);
    expect(await after.json()).toEqual({ id: 'C-000001' });
  });
});
