import { describe, expect, it } from 'vitest';
import type { TruthDocument } from '../src/index.js';
import { getJson, getProblem, ManualClock, post, put, startMock, walk } from './setup.js';

const keys = async (mock: Parameters<typeof walk>[0], path = '/products') =>
  (await walk(mock, path)).map(({ id, sku }) => String(id ?? sku)).sort();

async function rates(mock: Parameters<typeof walk>[0], wanted: object) {
  const response = await fetch(`${mock.url}/admin/rates`, { method: 'POST', body: JSON.stringify(wanted) });
  expect(response.status).toBe(200);
}

describe('a record that is removed', () => {
  it('is in no listing and at no address any more; the truth says that it was there', async () => {
    const mock = await startMock();
    const before = await keys(mock);
    const response = await fetch(`${mock.url}/admin/products/SKU-00003`, { method: 'DELETE' });
    expect(await response.json()).toEqual({ key: 'SKU-00003', deleted: true });
    expect(await keys(mock)).toEqual(before.filter((key) => key !== 'SKU-00003'));
    expect(await getProblem(mock, '/products/SKU-00003')).toMatchObject({ status: 404, code: 'not_found' });
    expect(await getProblem(mock, '/admin/products/SKU-00003', { method: 'DELETE' })).toMatchObject({ status: 404 });
    const { products } = await getJson<TruthDocument>(mock, '/admin/truth');
    expect(products.records.filter(({ deleted }) => deleted)).toMatchObject([{ key: 'SKU-00003', pending: false }]);
    expect(products.records).toHaveLength(before.length);
  });

  it('comes back when it is put, and never changes meanwhile', async () => {
    const mock = await startMock();
    await fetch(`${mock.url}/admin/products/SKU-00003`, { method: 'DELETE' });
    await post(mock, '/admin/changes?count=300');
    await post(mock, '/admin/scenarios/audit');
    await post(mock, '/admin/scenarios/price-shock');
    expect(await keys(mock)).not.toContain('SKU-00003');
    await put(mock, '/admin/products/SKU-00003', '{"sku":"SKU-00003"}');
    expect(await getJson(mock, '/products/SKU-00003')).toEqual({ sku: 'SKU-00003' });
  });
});

describe('at rates', () => {
  it('items are removed and come back with a later version, the same ones for the same seed', async () => {
    const clock = new ManualClock();
    const mocks = [await startMock({ clock, items: 6 }), await startMock({ clock, items: 6 })];
    const seen: string[][] = [];
    for (const mock of mocks) await rates(mock, { remove: 1 });
    for (let step = 0; step < 12; step++) {
      await clock.pass(1_000);
      const [one = [], other] = await Promise.all(mocks.map((mock) => keys(mock)));
      expect(one).toEqual(other);
      seen.push(one);
    }
    const sizes = seen.map(({ length }) => length);
    expect(sizes.some((size, index) => size < (sizes[index - 1] ?? 6))).toBe(true);
    expect(sizes.some((size, index) => size > (sizes[index - 1] ?? 6))).toBe(true);
  });

  it('customers are archived and come back, and stay in the listing', async () => {
    const clock = new ManualClock();
    const mock = await startMock({ clock, customers: 4 });
    await rates(mock, { archive: 1 });
    const counts = new Set<number>();
    for (let step = 0; step < 12; step++) {
      await clock.pass(1_000);
      const customers = await walk(mock, '/customers');
      expect(customers).toHaveLength(4);
      counts.add(customers.filter(({ archived }) => archived === true).length);
      expect(customers.every((customer) => customer.archived === true || !('archived' in customer))).toBe(true);
    }
    expect(counts.size).toBeGreaterThan(1);
  });
});
