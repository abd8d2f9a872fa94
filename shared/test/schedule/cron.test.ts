import fc from 'fast-check';
import { createTask } from 'node-cron';
import { describe, expect, it } from 'vitest';
import { CronTimes } from '../../src/schedule/cron.js';

/** So many ticks after a moment, as times in UTC. */
function ticks(expression: string, zone: string, from: string, count: number): string[] {
  const times = new CronTimes(expression, zone);
  const found: string[] = [];
  for (let moment = Date.parse(from); found.length < count; ) {
    const next = times.after(moment);
    if (next === undefined) break;
    found.push(new Date(next).toISOString().slice(0, 19));
    moment = next;
  }
  return found;
}

describe('the times of a cron expression', () => {
  it.each([
    ['Australia/Lord_Howe', '30 2 * * *', '2026-10-03T00:00:00Z', ['2026-10-03T16:00:00', '2026-10-03T15:30:00']],
  ])('know a zone whose clocks change by half an hour (%s)', (zone, expression, from, either) => {
    const [first = ''] = ticks(expression, zone, from, 1);
    expect(either).toContain(first);
    expect(ticks(expression, zone, from, 2)[1]).toBe('2026-10-04T15:30:00');
  });

  it('know the last day of a month, the second Friday, and a leap day', () => {
    expect(ticks('0 0 L * *', 'UTC', '2026-01-31T12:00:00Z', 2)).toEqual([
      '2026-02-28T00:00:00',
      '2026-03-31T00:00:00',
    ]);
    expect(ticks('0 0 * * 5#2', 'UTC', '2026-03-01T00:00:00Z', 1)).toEqual(['2026-03-13T00:00:00']);
    expect(ticks('0 0 29 2 *', 'Europe/Rome', '2026-03-01T00:00:00Z', 1)).toEqual(['2028-02-28T23:00:00']);
  });

  it('are found also where the next is decades away', () => {
    expect(ticks('0 0 29 2 1', 'UTC', '2026-03-01T00:00:00Z', 1)).toEqual(['2044-02-29T00:00:00']);
  });

  it('are those that node-cron has, where clocks do not change', () => {
    const field = (least: number, most: number) =>
      fc.oneof(
        fc.constant('*'),
        fc.integer({ min: least, max: most }).map(String),
        fc.integer({ min: 2, max: 7 }).map((step) => `*/${step}`),
      );
    const expression = fc.tuple(
      field(0, 59),
      field(0, 59),
      field(0, 23),
      fc.constant('*'),
      fc.constant('*'),
      field(0, 6),
    );
    fc.assert(
      fc.property(expression, fc.integer({ min: 0, max: 10_000_000 }), (fields, offset) => {
        const moment = Date.parse('2026-05-01T00:00:00Z') + offset * 100;
        const cron = fields.join(' ');
        const task = createTask(cron, () => {}, { timezone: 'Asia/Kolkata' });
        const next = new CronTimes(cron, 'Asia/Kolkata').after(moment);
        if (next === undefined) return expect.fail(`${cron} has no tick`);
        expect(next).toBeGreaterThan(moment);
        expect(task.match(new Date(next))).toBe(true);
        for (
          let second = Math.ceil((moment + 1) / 1_000) * 1_000;
          second < Math.min(next, moment + 60_000);
          second += 1_000
        ) {
          expect(task.match(new Date(second))).toBe(false);
        }
      }),
      { numRuns: 40 },
    );
  });
});
