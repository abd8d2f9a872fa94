import { CronTimes, type ScheduleConfig } from '@tributary/shared';
import type { PastRun } from './state/port.js';

/** Milliseconds after a failure until it is tried again; they double with each. Never later than the schedule says. */
const AGAIN = 60_000;
const LONGEST_AGAIN = 3_600_000;

export const BY_SCHEDULE = 'schedule';

/**
 * When a schedule is due, in milliseconds since the epoch; undefined if it never is again.
 * @param past runs, the newest first
 * @param since when this schedule began to count, if there was no run of it yet; undefined: it is due now
 */
export function dueAt(
  schedule: ScheduleConfig,
  past: readonly PastRun[],
  since: number | undefined,
): number | undefined {
  const runs = past.filter(({ by }) => by === BY_SCHEDULE);
  const [last] = runs;
  if ('once' in schedule && past.some(({ why }) => why === undefined)) return undefined;
  const regular = next(schedule, last === undefined ? since : Date.parse(last.begunAt));
  if (last?.why === undefined) return regular;
  const failures = runs.findIndex(({ why }) => why === undefined);
  const inARow = failures < 0 ? runs.length : failures;
  const again = Date.parse(last.endedAt) + Math.min(AGAIN * 2 ** (inARow - 1), LONGEST_AGAIN);
  return Math.min(again, regular ?? again);
}

function next(schedule: ScheduleConfig, last: number | undefined): number | undefined {
  if ('cron' in schedule)
    return last === undefined ? undefined : new CronTimes(schedule.cron, schedule.timezone).after(last);
  if ('every' in schedule) return last === undefined ? 0 : last + schedule.every;
  return last === undefined ? 0 : undefined;
}
