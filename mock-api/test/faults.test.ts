import { describe, expect, it } from 'vitest';
import type { MockApi } from '../src/index.js';
import { getJson, getProblem, type Listing, ManualClock, post, startMock } from './setup.js';

/** Sets the faults. @returns the answer */
async function setFaults(mock: MockApi, faults: unknown) {
  const response = await fetch(`${mock.url}/admin/faults`, { method: 'POST', body: JSON.stringify(faults) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const get = (mock: MockApi, path = '/customers') => fetch(mock.url + path);

describe('a mock CRM that misbehaves', () => {
  it('answers with a status at its rate, until the faults are removed', async () => {
    const mock = await startMock();
    await setFaults(mock, { status: { 503: 0.5 } });
    const statuses = new Set<number>();
    while (statuses.size < 2) statuses.add((await get(mock)).status);
    expect(statuses).toEqual(new Set([200, 503]));
    await setFaults(mock, {});
    for (let index = 0; index < 10; index++) expect((await get(mock)).status).toBe(200);
  });

  it('misbehaves in the same way for the same seed', async () => {
    const walk = async () => {
      const mock = await startMock({ seed: 7 });
      await setFaults(mock, { status: { 500: 0.3, 404: 0.2 } });
      const statuses: number[] = [];
      for (let index = 0; index < 20; index++) statuses.push((await get(mock)).status);
      return statuses;
    };
    expect(await walk()).toEqual(await walk());
  });

  it('says when to come again, in seconds or as a date', async () => {
    const clock = new ManualClock();
    const mock = await startMock({ clock });
    await setFaults(mock, { status: { 429: 1 }, retryAfter: 7 });
    expect((await get(mock)).headers.get('retry-after')).toBe('7');
    await setFaults(mock, { status: { 429: 1 }, retryAfter: 7, retryAfterAsDate: true });
    expect((await get(mock)).headers.get('retry-after')).toBe(new Date(clock.now() + 7_000).toUTCString());
  });

  it('delays every answer', async () => {
    const clock = new ManualClock();
    const mock = await startMock({ clock });
    await setFaults(mock, { latency: 1_000 });
    let answered = false;
    const asking = get(mock).then(() => {
      answered = true;
    });
    while (!clock.isSlept) await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    await clock.pass(1_000);
    await asking;
  });

  it.each([
    ['truncated', /^\{"data":\[.*[^}]$/s],
    ['malformed', /,,\}$/],
    ['html', /^<!doctype html>/],
  ])('damages a body with status 200 (%s), which then does not count as served', async (damage, body) => {
    const mock = await startMock();
    await setFaults(mock, { [damage]: 1 });
    const response = await get(mock);
    expect(response.status).toBe(200);
    expect(await response.text()).toMatch(body);
    expect(await getJson(mock, '/admin/truth')).toMatchObject({ customers: { served: 0 } });
  });

  it('drops a connection in the middle of a body', async () => {
    const mock = await startMock();
    await setFaults(mock, { dropped: 1 });
    const response = await get(mock);
    await expect(response.text()).rejects.toThrow('terminated');
    expect(await getJson(mock, '/admin/truth')).toMatchObject({ customers: { served: 0 } });
  });

  it('sends a body in small pieces, and completely', async () => {
    const mock = await startMock();
    await setFaults(mock, { slow: 1, slowPause: 1 });
    expect((await getJson<Listing>(mock, '/customers')).data).toHaveLength(25);
  });

  it('moves, doubles and shuffles pages', async () => {
    const mock = await startMock();
    const first = await getJson<Listing>(mock, '/customers?limit=5');
    await setFaults(mock, { shuffled: 1 });
    expect((await getJson<Listing>(mock, '/customers?limit=5')).data).toEqual(first.data.toReversed());
    await setFaults(mock, { duplicated: 1 });
    const second = await getJson<Listing>(mock, `/customers?limit=5&cursor=${first.nextCursor}`);
    expect(second.data.slice(0, 5)).toEqual(first.data);
    expect(second.data).toHaveLength(10);
    await setFaults(mock, { moving: 1 });
    const before = await getJson(mock, '/admin/faults');
    expect(before).toMatchObject({ moving: 1, duplicated: 0 });
    const walked = async () => JSON.stringify(await getJson(mock, '/customers?limit=100'));
    const seen = new Set<string>();
    while (seen.size < 3) seen.add(await walked());
  });

  it('has a clock that is wrong', async () => {
    const clock = new ManualClock();
    const mock = await startMock({ clock });
    await setFaults(mock, { clockSkew: -3_600_000 });
    expect((await get(mock)).headers.get('date')).toBe(new Date(clock.now() - 3_600_000).toUTCString());
  });

  it('refuses unknown faults and wrong rates, and says which', async () => {
    const mock = await startMock();
    const { status, body } = await setFaults(mock, { status: { 200: 1 }, slow: 2, lag: 1 });
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain('status.200: expected a status from 400 to 599; ');
    expect(JSON.stringify(body)).toContain('no fault lag');
    expect(await getJson(mock, '/admin/faults')).toMatchObject({ status: {}, slow: 0 });
  });
});

describe('a scenario', () => {
  const newest = async (mock: MockApi, path: string) => (await getJson<Listing>(mock, `${path}?limit=1000`)).data;

  it('burst: so many changes at once', async () => {
    const mock = await startMock();
    expect(await post(mock, '/admin/scenarios/burst?count=40')).toEqual({ scenario: 'burst', changed: 40 });
  });

  it('price-shock: every price changes', async () => {
    const mock = await startMock();
    const before = new Map((await newest(mock, '/products')).map(({ sku, price }) => [sku, Number(price)]));
    expect(await post(mock, '/admin/scenarios/price-shock?percent=200')).toMatchObject({ changed: 10 });
    for (const { sku, price } of await newest(mock, '/products')) {
      expect(price).toBeCloseTo(2 * (before.get(sku) ?? 0), 1);
    }
  });

  it('stock-out: nothing is left of some items', async () => {
    const mock = await startMock();
    await post(mock, '/admin/scenarios/stock-out?every=2');
    const empty = (await newest(mock, '/products')).filter(({ stock }) => stock === 0);
    expect(empty.length).toBeGreaterThanOrEqual(5);
  });

  it('crm-outage: clients get 503 until it is over, and are told when', async () => {
    const clock = new ManualClock();
    const mock = await startMock({ clock });
    await post(mock, '/admin/scenarios/crm-outage?seconds=20');
    const response = await get(mock);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '20']);
    await clock.pass(20_000);
    expect((await get(mock)).status).toBe(200);
  });

  it('audit: every record has a new version and is what it was', async () => {
    const mock = await startMock();
    await post(mock, '/admin/changes?count=10');
    const before = await newest(mock, '/customers');
    expect(await post(mock, '/admin/scenarios/audit')).toEqual({ scenario: 'audit', changed: 35 });
    const after = await newest(mock, '/customers');
    const content = (records: Listing['data']) =>
      records.map(({ updatedAt: _, ...rest }) => JSON.stringify(rest)).sort();
    expect(content(after)).toEqual(content(before));
    const last = String(before.at(-1)?.updatedAt);
    expect(after.every(({ updatedAt }) => String(updatedAt) > last)).toBe(true);
  });

  it('is listed with its name, title and description, and runs by that name', async () => {
    const mock = await startMock();
    const scenarios = await getJson<{ name: string; title: string; description: string }[]>(mock, '/admin/scenarios');
    expect(scenarios.map(({ name }) => name)).toEqual(['burst', 'price-shock', 'stock-out', 'crm-outage', 'audit']);
    for (const { name, title, description } of scenarios) {
      expect([title.length > 0, description.length > title.length]).toEqual([true, true]);
      expect(await post(mock, `/admin/scenarios/${name}`)).toMatchObject({ scenario: name });
    }
  });

  it('is refused if there is none of that name, or if its number is not a number', async () => {
    const mock = await startMock();
    const ask = (path: string) => getProblem(mock, `/admin/scenarios/${path}`, { method: 'POST' });
    expect(await ask('flood')).toMatchObject({
      status: 404,
      message: expect.stringContaining('expected one of burst'),
    });
    expect(await ask('burst?count=many')).toMatchObject({ status: 400, code: 'count_invalid' });
  });
});

describe('a stream of changes of one kind', () => {
  it('changes records of that kind, at its rate', async () => {
    const clock = new ManualClock();
    const mock = await startMock({ clock });
    const prices = async () => (await getJson<Listing>(mock, '/products')).data.map(({ price }) => price);
    const before = await prices();
    const body = JSON.stringify({ price: 10 });
    expect((await fetch(`${mock.url}/admin/rates`, { method: 'POST', body })).status).toBe(200);
    while (JSON.stringify(await prices()) === JSON.stringify(before)) await clock.pass(100);
  });

  it('is refused if there is no such kind', async () => {
    const mock = await startMock();
    const ask = (body: string) => getProblem(mock, '/admin/rates', { method: 'POST', body });
    expect(await ask('{"mood":1}')).toMatchObject({ status: 400, message: expect.stringContaining('expected place') });
    expect(await ask('{"price":"fast"}')).toMatchObject({ status: 400 });
    expect(await ask('[]')).toMatchObject({ status: 400 });
  });
});

describe('the ways to page', () => {
  /** Every customer's id, in the order of the walk that `next` takes. */
  async function walk(
    mock: MockApi,
    path: string,
    next: (response: Response, body: Listing & { next?: string }) => string | null,
  ) {
    const ids: unknown[] = [];
    for (let at: string | null = path; at !== null; ) {
      const response = await get(mock, at);
      const body = (await response.json()) as Listing & { next?: string };
      ids.push(...body.data.map(({ id }) => id));
      at = body.data.length === 0 ? null : next(response, body);
    }
    return ids;
  }

  it('lead through the same records: cursor, page, offset, Link header, next URL', async () => {
    const mock = await startMock();
    const all = (await getJson<Listing>(mock, '/customers')).data.map(({ id }) => id);
    let page = 1;
    let offset = 0;
    const link = (response: Response) => /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? null;
    const url = (_response: Response, body: { next?: string | null }) => body.next ?? null;
    expect(await walk(mock, '/customers?limit=10&page=1', () => `/customers?limit=10&page=${++page}`)).toEqual(all);
    const byOffset = () => {
      offset += 10;
      return `/customers?limit=10&offset=${offset}`;
    };
    expect(await walk(mock, '/customers?limit=10&offset=0', byOffset)).toEqual(all);
    expect(await walk(mock, '/customers?limit=10', link)).toEqual(all);
    expect(await walk(mock, '/customers?limit=10&page=1', link)).toEqual(all);
    expect(await walk(mock, '/customers?limit=10&next=url', url)).toEqual(all);
    expect(await walk(mock, '/customers?limit=10&offset=0&next=url', url)).toEqual(all);
  });

  it('have one record per line if the client accepts that', async () => {
    const mock = await startMock();
    const response = await fetch(`${mock.url}/customers?limit=10`, { headers: { accept: 'application/x-ndjson' } });
    expect(response.headers.get('content-type')).toContain('application/x-ndjson');
    expect(response.headers.get('link')).toContain('rel="next"');
    const lines = (await response.text()).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toHaveLength(10);
  });

  it('are refused with a page or offset that cannot be', async () => {
    const mock = await startMock();
    expect(await getProblem(mock, '/customers?page=0')).toMatchObject({ status: 400, code: 'page_invalid' });
    expect(await getProblem(mock, '/customers?offset=-1')).toMatchObject({ status: 400, code: 'offset_invalid' });
  });
});

describe('a CRM of 1.8 million customers', () => {
  it('is ready at once, and has only changed records in memory', async () => {
    const mock = await startMock({ customers: 1_800_000 });
    const heap = process.memoryUsage().heapUsed;
    const { data } = await getJson<Listing>(mock, '/customers?limit=1000&updated_since=2024-01-21T00:00:00Z');
    expect(data).toHaveLength(1_000);
    expect(await getJson(mock, '/customers/C-1800000')).toMatchObject({ id: 'C-1800000' });
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(100_000_000);
  });
});
