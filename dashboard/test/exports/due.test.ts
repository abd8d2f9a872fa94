import { expect, test } from 'vitest';
import { dueAt } from '../../src/exports/due.js';
import type { PastRun } from '../../src/exports/state/port.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NOW = Date.UTC(2026, 0, 5);
const iso = (moment: number) => new Date(moment).toISOString();

const run = (begun: number, { by = 'schedule', why }: { by?: string; why?: string } = {}): PastRun => ({
  run: 'x',
  by,
  instance: 'one',
  begunAt: iso(begun),
  endedAt: iso(begun + MINUTE),
  rows: 1,
  bytes: 1,
  place: 'x',
  why,
});
const failed = (begun: number) => run(begun, { why: 'the disk is full' });

const every = { every: DAY };
const cron = { cron: '0 3 1 */3 *', timezone: 'UTC' };
const once = { once: true } as const;

test('what never ran is due now, and a cron expression at its next time', () => {
  expect(dueAt(every, [], undefined)).toBe(0);
  expect(dueAt(once, [], undefined)).toBe(0);
  expect(dueAt(cron, [], NOW)).toBe(Date.UTC(2026, 3, 1, 3));
});

test('what ran is due again as the schedule says, counted from its beginning', () => {
  expect(dueAt(every, [run(NOW)], undefined)).toBe(NOW + DAY);
  expect(dueAt(cron, [run(Date.UTC(2026, 3, 1, 3))], NOW)).toBe(Date.UTC(2026, 6, 1, 3));
  expect(dueAt(once, [run(NOW)], undefined)).toBeUndefined();
});

test('a tick that no dashboard was there for is made up for', () => {
  expect(dueAt(cron, [run(Date.UTC(2025, 9, 1, 3))], NOW)).toBe(Date.UTC(2026, 0, 1, 3));
});

test('what a person ran does not move the schedule, but once is once', () => {
  expect(dueAt(every, [run(NOW + 5 * MINUTE, { by: 'anna' }), run(NOW)], undefined)).toBe(NOW + DAY);
  expect(dueAt(once, [run(NOW, { by: 'anna' })], undefined)).toBeUndefined();
});

test('what failed is tried again, later each time, and never later than the schedule says', () => {
  const again = (runs: PastRun[], schedule: Parameters<typeof dueAt>[0] = cron) => dueAt(schedule, runs, NOW);
  expect(again([failed(NOW)])).toBe(NOW + 2 * MINUTE);
  expect(again([failed(NOW + 2 * MINUTE), failed(NOW)])).toBe(NOW + 5 * MINUTE);
  expect(again(Array.from({ length: 20 }, () => failed(NOW)))).toBe(NOW + 61 * MINUTE);
  expect(again([failed(NOW), run(NOW - DAY)], { every: 90_000 })).toBe(NOW + 90_000);
});
