import { describe, expect, it, vi } from 'vitest';
import type { TruthDocument, TruthRecord } from '../src/index.js';
import { getJson, type Json, ManualClock, post, put, startMock, walk } from './setup.js';

describe('the truth', () => {
  it('is empty before anything was served', async () => {
    const nothing = { served: 0, records: [] };
    expect(await getJson(await startMock(), '/admin/truth')).toEqual({ customers: nothing, products: nothing });
  });

  it('has the records that were served, by listing or by key, and no others', async () => {
    const mock = await startMock();
    const { data } = await getJson<{ data: Json[] }>(mock, '/customers?limit=3');
    const item = await getJson(mock, '/products/SKU-00007');
    const truth = await getJson<TruthDocument>(mock, '/admin/truth');
    expect(truth.customers.served).toBe(3);
    expect(truth.customers.records.map(({ record }) => record)).toEqual(data);
    expect(truth.products.records.map(({ key, record }) => [key, record])).toEqual([['SKU-00007', item]]);
  });

  it('has the present state, and says what has changed since it was served', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const mock = await startMock({ clock });
    const before = new Map((await walk(mock, '/customers')).map((record) => [record.id, record]));
    clock.set(Date.UTC(2026, 0, 2));
    const { customers } = await post<{ customers: string[] }>(mock, '/admin/changes?count=10');
    const { customers: truth } = await getJson<TruthDocument>(mock, '/admin/truth');
    expect(new Set(customers).size).toBeGreaterThan(2);
    for (const { key, version, servedVersion, servedAt, pending, record } of truth.records) {
      expect(pending).toBe(customers.includes(key));
      expect(servedVersion).toBe(before.get(key)?.updatedAt);
      expect(servedAt).toBe('2026-01-01T00:00:00.000Z');
      expect((record as Json).updatedAt).toBe(version);
      expect(pending).toBe(version !== servedVersion);
    }
    const now = new Map((await walk(mock, '/customers')).map((record) => [record.id, record]));
    const again = await getJson<TruthDocument>(mock, '/admin/truth');
    expect(again.customers.records.filter(({ pending }) => pending)).toEqual([]);
    for (const { key, record } of again.customers.records) expect(record).toEqual(now.get(key));
  });

  it('comes as NDJSON too, with the same lines', async () => {
    const mock = await startMock({ customers: 1_000 });
    await walk(mock, '/customers?limit=1000');
    await walk(mock, '/products');
    const truth = await getJson<TruthDocument>(mock, '/admin/truth');
    for (const name of ['customers', 'products'] as const) {
      const response = await fetch(`${mock.url}/admin/truth/${name}`);
      expect(response.headers.get('content-type')).toContain('application/x-ndjson');
      const lines = (await response.text()).trimEnd().split('\n');
      expect(lines.map((line) => JSON.parse(line) as TruthRecord)).toEqual(truth[name].records);
    }
  });

  it('counts neither HEAD nor a refused request as served, but a 304', async () => {
    const mock = await startMock();
    const { headers } = await fetch(`${mock.url}/customers/C-000001`, { method: 'HEAD' });
    await fetch(`${mock.url}/customers?limit=0`);
    expect((await getJson<TruthDocument>(mock, '/admin/truth')).customers.served).toBe(0);
    const known = { 'If-None-Match': headers.get('etag') ?? '' };
    expect((await fetch(`${mock.url}/customers/C-000001`, { headers: known })).status).toBe(304);
    expect((await getJson<TruthDocument>(mock, '/admin/truth')).customers.served).toBe(1);
  });

  it('does not count a client that hung up before it had everything', async () => {
    const mock = await startMock({ customers: 1 });
    // More than the buffers between the two hold, so that it cannot all be on its way already.
    await put(mock, '/admin/customers/C-000001', JSON.stringify('x'.repeat(30_000_000)));
    const client = new AbortController();
    expect((await fetch(`${mock.url}/customers`, { signal: client.signal })).status).toBe(200);
    client.abort();
    await vi.waitFor(async () => {
      const metrics = await (await fetch(`${mock.url}/metrics`)).text();
      expect(metrics).toMatch(/tributary_mock_responses_total\{collection="customers",status="aborted",.*\} 1/);
    });
    expect((await getJson<TruthDocument>(mock, '/admin/truth')).customers.served).toBe(0);
  });

  it('names a record put by hand by its key in the API, also if the record has no key', async () => {
    const mock = await startMock({ customers: 1 });
    await put(mock, '/admin/customers/C-000001', '{"name":"no id"}');
    await put(mock, '/admin/customers/NEW', '{"id":12345678901234567890}');
    await walk(mock, '/customers');
    const text = await (await fetch(`${mock.url}/admin/truth`)).text();
    const { customers } = JSON.parse(text) as TruthDocument;
    expect(customers.records.map(({ key }) => key)).toEqual(['C-000001', 'NEW']);
    expect(text).toContain('"record":{"id":12345678901234567890}');
  });
});
