import { describe, expect, it } from 'vitest';
import { getJson, getProblem, ManualClock, post, put, startMock, walk } from './setup.js';

describe('a record put by hand', () => {
  it.each([
    ['without its key', '{"name":"Nobody","updatedAt":"2025-01-01T00:00:00.000Z"}'],
    ['of wrong types', '{"id":7,"lines":"none","updatedAt":false}'],
    ['that is no object', '"just text"'],
    ['that is null', 'null'],
    [
      'with numbers and escapes that parsing would change',
      '{"id":"C-000002","n":12345678901234567890,"x":1.0,"s":"\\ud800"}',
    ],
    ['with a formula, quotes and a line break in it', '{"id":"C-000002","name":"=cmd(\\"a\\")\\r\\nb"}'],
  ])('%s is served as it was put, in the listing and alone', async (_, json) => {
    const mock = await startMock();
    expect((await put(mock, '/admin/customers/C-000002', json)).status).toBe(200);
    expect(await (await fetch(`${mock.url}/customers/C-000002`)).text()).toBe(json);
    const listing = await (await fetch(`${mock.url}/customers`)).text();
    expect(listing).toContain(`,${json}],"nextCursor":null}`);
    expect(await walk(mock, '/customers')).toHaveLength(25);
  });

  it('keeps every byte of a field of 5 MB', async () => {
    const mock = await startMock();
    const json = JSON.stringify({ sku: 'SKU-00001', name: 'ü'.repeat(2_500_000) });
    expect((await put(mock, '/admin/products/SKU-00001', json)).status).toBe(200);
    expect(await (await fetch(`${mock.url}/products/SKU-00001`)).text()).toBe(json);
  });

  it('is a change: it comes last, and updated_since compares the time of the put, not its updatedAt', async () => {
    const mock = await startMock({ clock: new ManualClock(Date.UTC(2026, 0, 1)) });
    const response = await put(
      mock,
      '/admin/customers/C-000002',
      '{"id":"C-000002","updatedAt":"1999-01-01T00:00:00Z"}',
    );
    expect(await response.json()).toEqual({ key: 'C-000002', version: '2026-01-01T00:00:00.000Z' });
    expect(await walk(mock, '/customers?updated_since=2026-01-01')).toEqual([
      { id: 'C-000002', updatedAt: '1999-01-01T00:00:00Z' },
    ]);
  });

  it('may be new', async () => {
    const mock = await startMock();
    expect((await put(mock, '/admin/customers/X%2F1', '{"id":"X/1"}')).status).toBe(201);
    expect((await put(mock, '/admin/customers/X%2F1', '{"id":"X/1","name":"again"}')).status).toBe(200);
    expect(await getJson(mock, '/customers/X%2F1')).toEqual({ id: 'X/1', name: 'again' });
    expect(await walk(mock, '/customers')).toHaveLength(26);
  });

  it('stays as it was put when other records change', async () => {
    const mock = await startMock({ customers: 2, items: 1 });
    await put(mock, '/admin/customers/C-000001', '[]');
    await put(mock, '/admin/products/SKU-00001', '{}');
    const { customers, products } = await post<Record<string, string[]>>(mock, '/admin/changes?count=50');
    expect(new Set(customers)).toEqual(new Set(['C-000002']));
    expect(products).toEqual([]);
    expect(await getJson(mock, '/customers/C-000001')).toEqual([]);
  });

  it.each(['', '{"id":', '{} {}', '<html>'])('must be JSON, which %j is not', async (body) => {
    const problem = await getProblem(await startMock(), '/admin/customers/C-000001', { method: 'PUT', body });
    expect(problem).toMatchObject({ status: 400, code: 'body_invalid' });
    expect(problem.message).toContain('must be one JSON value');
  });

  it('may have several lines; NDJSON still has it in one', async () => {
    const mock = await startMock();
    await put(mock, '/admin/customers/C-000001', '{\n  "id": "C-000001",\r\n  "name": "A\\nB"\n}\n');
    await walk(mock, '/customers');
    const lines = (await (await fetch(`${mock.url}/admin/truth/customers`)).text()).trimEnd().split('\n');
    expect(lines).toHaveLength(25);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ record: { id: 'C-000001', name: 'A\nB' } });
  });
});
