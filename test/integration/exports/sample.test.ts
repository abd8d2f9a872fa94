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
