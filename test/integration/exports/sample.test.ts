import { sampleDatasets } from '@tributary/dashboard';
import { systemClock } from '@tributary/shared';
import { expect, test } from 'vitest';
import { customers, exportStage } from './support.js';

test('a scan for personal data sees as many rows of a dataset as it asks for, and the columns of one without rows', async () => {
  const { config } = await exportStage(customers(50), '  set: { dataset: customers, to: $OUT }');
  const names = new Set<string>();
  const columns = new Map<string, Set<string>>();
  const seen = await sampleDatasets({
    config,
    datasets: ['customers', 'items'],
    rows: 30,
    clock: systemClock,
    signal: new AbortController().signal,
    see(dataset, column, cell) {
      columns.set(dataset, (columns.get(dataset) ?? new Set()).add(column));
      if (column === 'name' && cell !== null) names.add(String(cell));
    },
  });
  expect(seen).toEqual({ customers: 30, items: 0 });
  expect(names.size).toBe(30);
  expect([...(columns.get('items') ?? [])]).toContain('price');
});

test('a scan sees rows from everywhere, so a column that has values only of late is not missed', async () => {
  const { config } = await exportStage(customers(2_000), '  set: { dataset: customers, to: $OUT }');
  const points: number[] = [];
  await sampleDatasets({
    config,
    datasets: ['customers'],
    rows: 100,
    clock: systemClock,
    signal: new AbortController().signal,
    see(_, column, cell) {
      if (column === 'points' && cell !== null) points.push(Number(cell));
    },
  });
  expect(points).toHaveLength(100);
  expect(Math.max(...points)).toBeGreaterThan(1_000);
  expect(Math.min(...points)).toBeLessThan(1_000);
});
