import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { tellLeftOut } from '../../src/service/log-repeats.js';
import { createLogger } from '../../src/service/logging.js';

const lines: Record<string, unknown>[] = [];
const log = () =>
  createLogger(
    { service: 'producer', instance: 'test' },
    { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );

beforeEach(() => {
  vi.useFakeTimers();
  lines.length = 0;
});
afterEach(() => {
  tellLeftOut();
  vi.useRealTimers();
});

test('a warning that repeats is written ten times a minute, and what is left out is counted', () => {
  const service = log();
  for (let n = 0; n < 25; n++) service.warn({ endpoint: 'orders', bytes: n }, `record ${n} is too large`);
  expect(lines).toHaveLength(10);
  vi.advanceTimersByTime(60_000);
  expect(lines.slice(10)).toEqual([
    expect.objectContaining({
      level: 'warn',
      endpoint: 'orders',
      repeated: 15,
      msg: 'record 24 is too large (15 more times, left out)',
    }),
  ]);
  service.warn({ endpoint: 'orders' }, 'record 25 is too large');
  vi.advanceTimersByTime(600_000);
  expect(lines).toHaveLength(12);
});

test('other endpoints, keys, fields, words and levels, and info, are lines of their own', () => {
  const service = log();
  for (let n = 0; n < 10; n++) service.error({ endpoint: 'orders' }, 'it fails');
  service.error({ endpoint: 'items' }, 'it fails');
  service.error({ endpoint: 'orders' }, 'it fails otherwise');
  service.warn({ endpoint: 'orders' }, 'it fails');
  service.error('it fails');
  for (let n = 0; n < 20; n++) service.info({ endpoint: 'orders' }, 'polled');
  service.child({ queue: 'q' }).error({ endpoint: 'orders' }, 'it fails');
  for (let n = 0; n < 11; n++) service.error({ endpoint: 'orders', key: `K${n}` }, 'it fails');
  for (let n = 0; n < 11; n++) service.error({ endpoint: 'orders', fields: [`f${n}`] }, 'it fails');
  expect(lines).toHaveLength(56);
});

test('what is left out is told when the process ends', () => {
  const service = log();
  for (let n = 0; n < 11; n++) service.error('it fails');
  expect(lines).toHaveLength(10);
  tellLeftOut();
  tellLeftOut();
  expect(lines.slice(10)).toEqual([expect.objectContaining({ repeated: 1, msg: 'it fails (1 more times, left out)' })]);
});
