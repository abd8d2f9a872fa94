import { expect, test } from 'vitest';
import { describeSummary } from '../../src/cli/tell.js';
import type { Summary } from '../../src/library/once.js';

const summary = (number: number): Summary => ({
  ...{ polled: number, published: number, accepted: number, duplicate: 0, stale: 0, deadLettered: 0 },
  ...{ rows: { posts: number }, seconds: 1, output: 'out' },
  endpoints: Array.from({ length: number }, (_, index) => ({ endpoint: `e${index}`, records: 1 })),
});

test('one is told as one, and two as two', () => {
  const one = describeSummary(summary(1));
  expect(one).toContain('Polled 1 record from 1 endpoint, published 1');
  expect(one).toContain('posts: 1 row written');
  const two = describeSummary(summary(2));
  expect(two).toContain('Polled 2 records from 2 endpoints, published 2');
  expect(two).toContain('posts: 2 rows written');
});
