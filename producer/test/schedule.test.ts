import type { ScheduleConfig } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startSchedule } from '../src/schedule.js';
import { recordingLog } from './support/log.js';
import { ManualClock } from './support/manual-clock.js';

const start = Date.parse('2026-03-01T12:00:00Z');

/** A schedule whose ticks are noted, in seconds since the start. */
function scheduleOf(config: ScheduleConfig, succeeds: () => boolean = () => true) {
  const clock = new ManualClock(start);
  const ticks: number[] = [];
  const tick = async () => {
    ticks.push((clock.now() - start) / 1_000);
    return succeeds();
  };
  const schedule = startSchedule(config, { clock, log: recordingLog().log, tick });
  onTestFinished(() => schedule.stop());
  const at = (): number | undefined => {
    const next = schedule.nextAt();
    return next === undefined ? undefined : (next - start) / 1_000;
  };
  return { clock, ticks, schedule, at };
}

describe('a schedule of intervals', () => {
  it('ticks at once, and then at every interval, also such as cron cannot express', async () => {
    const { clock, ticks, at } = scheduleOf({ every: 90_000 });
    expect([ticks, at()]).toEqual([[0], 90]);
    await clock.advance(300_000);
    expect([ticks, at()]).toEqual([[0, 90, 180, 270], 360]);
  });

  it('does not drift when it is woken late', async () => {
    const { clock, ticks } = scheduleOf({ every: 10_000 });
    clock.set(start + 10_900);
    await clock.advance(0);
    await clock.advance(9_100);
    expect(ticks).toEqual([0, 10.9, 20]);
  });

  it('does not make up for what it missed while the machine slept', async () => {
    const { clock, ticks } = scheduleOf({ every: 10_000 });
    clock.set(start + 3_604_000);
    await clock.advance(0);
    await clock.advance(6_000);
    expect(ticks).toEqual([0, 3_604, 3_610]);
  });

  it('goes on when the clock is set back', async () => {
    const { clock, ticks } = scheduleOf({ every: 10_000 });
    await clock.advance(10_000);
    clock.set(start - 3_600_000);
    await clock.advance(3_610_000);
    const before = ticks.length;
    await clock.advance(20_000);
    expect(ticks.length - before).toBe(2);
  });

  it('ticks no more once it is stopped', async () => {
    const { clock, ticks, schedule } = scheduleOf({ every: 10_000 });
    schedule.stop();
    schedule.stop();
    await clock.advance(60_000);
    expect(ticks).toEqual([0]);
  });
});

describe('a schedule of once', () => {
  it('ticks once', async () => {
    const { clock, ticks, at } = scheduleOf({ once: true });
    await clock.advance(600_000);
    expect([ticks, at()]).toEqual([[0], undefined]);
  });

  it('ticks again each minute until it has succeeded', async () => {
    let down = true;
    const { clock, ticks, at } = scheduleOf({ once: true }, () => !down);
    await clock.advance(61_000);
    expect([ticks, at()]).toEqual([[0, 60], 120]);
    down = false;
    await clock.advance(600_000);
    expect([ticks, at()]).toEqual([[0, 60, 120], undefined]);
  });
});

describe('a schedule of cron', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** The ticks of a cron schedule from a moment on, as times in UTC. */
  async function ticksOf(config: { cron: string; timezone: string }, from: string, ms: number): Promise<string[]> {
    vi.setSystemTime(new Date(from));
    const ticks: string[] = [];
    const tick = async () => {
      ticks.push(new Date().toISOString().slice(0, 19));
      return true;
    };
    const { log } = recordingLog();
    const schedule = startSchedule(config, { clock: new ManualClock(), log, tick });
    await vi.advanceTimersByTimeAsync(ms);
    schedule.stop();
    await vi.advanceTimersByTimeAsync(ms);
    return ticks;
  }

  it('ticks at once, and then when the expression says', async () => {
    expect(await ticksOf({ cron: '*/15 * * * *', timezone: 'UTC' }, '2026-03-01T12:07:00Z', 40 * 60_000)).toEqual([
      '2026-03-01T12:07:00',
      '2026-03-01T12:15:00',
      '2026-03-01T12:30:00',
      '2026-03-01T12:45:00',
    ]);
  });

  it('knows seconds', async () => {
    expect(await ticksOf({ cron: '*/20 * * * * *', timezone: 'UTC' }, '2026-03-01T12:00:05Z', 60_000)).toEqual([
      '2026-03-01T12:00:05',
      '2026-03-01T12:00:20',
      '2026-03-01T12:00:40',
      '2026-03-01T12:01:00',
    ]);
  });

  it('goes by the wall clock of its time zone, also when that changes to summer time', async () => {
    const days = 2 * 86_400_000;
    expect(await ticksOf({ cron: '0 6 * * *', timezone: 'Europe/Rome' }, '2026-03-28T00:00:00Z', days)).toEqual([
      '2026-03-28T00:00:00',
      '2026-03-28T05:00:00',
      '2026-03-29T04:00:00',
    ]);
  });

  it('says when it ticks next', () => {
    vi.setSystemTime(new Date('2026-03-01T12:07:00Z'));
    const config = { cron: '0 6 * * *', timezone: 'UTC' };
    const options = { clock: new ManualClock(), log: recordingLog().log, tick: async () => true };
    const schedule = startSchedule(config, options);
    expect(schedule.nextAt()).toBe(Date.parse('2026-03-02T06:00:00Z'));
    schedule.stop();
  });

  it('ticks late rather than not at all when the machine slept', async () => {
    vi.setSystemTime(new Date('2026-03-01T05:59:00Z'));
    let ticks = 0;
    const tick = async () => {
      ticks += 1;
      return true;
    };
    const config = { cron: '0 6 * * *', timezone: 'UTC' };
    const schedule = startSchedule(config, { clock: new ManualClock(), log: recordingLog().log, tick });
    vi.setSystemTime(new Date('2026-03-01T08:30:00Z'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ticks).toBe(2);
    schedule.stop();
  });
});
