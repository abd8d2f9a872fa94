import { expect, test } from 'vitest';
import { sumOf } from '../src/metrics.js';

const text = `# HELP rows_total Rows, {not} a series 7
# TYPE rows_total counter
rows_total{service="consumer",dataset="customers"} 30
rows_total{service="consumer",dataset="inventory"} 12
rows_total_of_old{dataset="customers"} 1000
resident_bytes 5e7
`;

test('adds up a metric over all of its series', () => {
  expect(sumOf(text, 'rows_total')).toBe(42);
});

test('counts only series that have the labels', () => {
  expect(sumOf(text, 'rows_total', { dataset: 'customers', service: 'consumer' })).toBe(30);
  expect(sumOf(text, 'rows_total', { dataset: 'customer' })).toBe(0);
});

test('reads a series without labels, in any notation', () => {
  expect(sumOf(text, 'resident_bytes')).toBe(50_000_000);
});

test('a missing metric is 0', () => {
  expect(sumOf(text, 'rows')).toBe(0);
});
