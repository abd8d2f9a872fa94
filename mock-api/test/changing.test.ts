import { describe, expect, it, vi } from 'vitest';
import { getProblem, type Json, ManualClock, post, startMock, walk } from './setup.js';

type Changed = Record<'customers' | 'products', string[]>;

const snapshot = async (mock: Parameters<typeof walk>[0]) => [
  ...(await walk(mock, '/customers')),
  ...(await walk(mock, '/products')),
];
const times = (records: Json[]) => records.map(({ updatedAt }) => String(updatedAt));

describe('changes', () => {
  it('change exactly as many records as asked for, and say which', async () => {
    const mock = await startMock({ customers: 500, items: 500 });
    const before = new Map((await snapshot(mock)).map((record) => [record.id ?? record.sku, record]));
    const { customers, products } = await post<Changed>(mock, '/admin/changes?count=40');
    expect(customers.length + products.length).toBe(40);
    expect(customers.length).toBeGreaterThan(0);
    expect(products.length).toBeGreaterThan(0);
    const changed = (await snapshot(mock)).filter((record) => {
      const { updatedAt: _, ...now } = record;
      const { updatedAt: __, ...then } = before.get(record.id ?? record.sku) ?? {};
      return JSON.stringify(now) !== JSON.stringify(then);
    });
    expect(changed.map(({ id, sku }) => id ?? sku).sort()).toEqual([...new Set([...customers, ...products])].sort());
  });

  it('are the same ones for the same seed', async () => {
    const clock = new ManualClock();
    const [first, second] = await Promise.all([startMock({ clock }), startMock({ clock })]);
    const changes = await post(first, '/admin/changes?count=30');
    expect(await post(second, '/admin/changes?count=30')).toEqual(changes);
    expect(await snapshot(second)).toEqual(await snapshot(first));
  });

  it('have times that only grow, across both collections, also within a millisecond and when the clock is set back', async () => {
    const clock = new ManualClock();
    const mock = await startMock({ clock });
    let highest = '';
    for (const shift of [0, 0, 5_000, -3_600_000, 0, 1]) {
      clock.set(clock.now() + shift);
      const { customers, products } = await post<Changed>(mock, '/admin/changes?count=1');
      const [key] = [...customers, ...products];
      const record = (await snapshot(mock)).find(({ id, sku }) => (id ?? sku) === key);
      expect(String(record?.updatedAt) > highest).toBe(true);
      highest = String(record?.updatedAt);
    }
    await post(mock, '/admin/changes?count=500');
    const all = times(await snapshot(mock)).filter((time) => time > highest);
    expect(all.length).toBeGreaterThan(30);
    expect(new Set(all).size).toBe(all.length);
  });

  it('have the time of the clock', async () => {
    const mock = await startMock({ clock: new ManualClock(Date.UTC(2030, 0, 1)) });
    await post(mock, '/admin/changes');
    expect(times(await snapshot(mock))).toContain('2030-01-01T00:00:00.000Z');
  });

  it.each(['-1', '1.5', 'x', '', '100001'])('refuse a count of "%s" in words', async (count) => {
    const problem = await getProblem(await startMock(), `/admin/changes?count=${count}`, { method: 'POST' });
    expect(problem).toMatchObject({ status: 400, code: 'count_invalid' });
    expect(problem.message).toContain(JSON.stringify(count));
  });

  it('do not happen if there is nothing to change', async () => {
    const mock = await startMock({ customers: 0, items: 0 });
    expect(await post(mock, '/admin/changes?count=3')).toEqual({ customers: [], products: [] });
    const onlyItems = await startMock({ customers: 0, items: 3 });
    expect((await post<Changed>(onlyItems, '/admin/changes?count=3')).products).toHaveLength(3);
  });

  it('keep every record, also after many more changes than there are records', async () => {
    const mock = await startMock({ customers: 5, items: 5 });
    await post(mock, '/admin/changes?count=20000');
    expect((await walk(mock, '/customers?limit=2')).map(({ id }) => id).sort()).toEqual(
      [1, 2, 3, 4, 5].map((number) => `C-00000${number}`),
    );
  });
});

describe('changes over time', () => {
  /** How many changes the mock has counted. */
  const count = async (url: string) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return [...text.matchAll(/^tributary_mock_changes_total\{.*\} (\d+)$/gm)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
  };

  it.each([
    [1, 10_000, 100, 10],
    [0.5, 10_000, 1_000, 5],
    [200, 2_000, 20, 400],
  ])('happen %s times a second', async (changesPerSecond, duration, step, expected) => {
    const clock = new ManualClock();
    const mock = await startMock({ clock, changesPerSecond });
    for (let passed = 0; passed < duration; passed += step) await clock.pass(step);
    expect(await count(mock.url)).toBe(expected);
  });

  it('pause, resume, and do not make up for the pause', async () => {
    const clock = new ManualClock();
    const mock = await startMock({ clock, changesPerSecond: 10 });
    expect(await post(mock, '/admin/pause')).toEqual({ paused: true });
    for (let passed = 0; passed < 5_000; passed += 100) await clock.pass(100);
    expect(await count(mock.url)).toBe(0);
    expect(await post(mock, '/admin/resume')).toEqual({ paused: false });
    for (let passed = 0; passed < 1_000; passed += 100) await clock.pass(100);
    expect(await count(mock.url)).toBe(10);
  });

  it('make up for one second at most when the machine slept', async () => {
    const clock = new ManualClock();
    const mock = await startMock({ clock, changesPerSecond: 10 });
    await clock.pass(8 * 3_600_000);
    expect(await count(mock.url)).toBe(10);
  });

  it('happen by the real clock too, and end when the mock stops', async () => {
    const mock = await startMock({ changesPerSecond: 100 });
    await vi.waitFor(async () => expect(await count(mock.url)).toBeGreaterThan(3));
    await mock.stop();
    await mock.start();
    await vi.waitFor(async () => expect(await count(mock.url)).toBeGreaterThan(6));
  });
});
