import type { ScheduleConfig } from '@tributary/shared';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ScheduleOptions, startSchedule } from '../../src/schedule/schedule.js';
import { recordingLog } from '../support/log.js';
import { ManualClock } from '../support/manual-clock.js';

const start = Date.parse('2026-03-01T12:00:00Z');

/** A schedule whose ticks are noted, in seconds since the start. */
function scheduleOf(config: ScheduleConfig, succeeds: () => boolean = () => true, more: Partial<ScheduleOptions> = {}) {
  const clock = new ManualClock(start);
  const ticks: number[] = [];
  const tick = async () => {
    ticks.push((clock.now() - start) / 1_000);
    return succeeds();
  };
  const schedule = startSchedule(config, { clock, log: recordingLog().log, tick, ...more });
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
    clock.oversleep(10_900);
    await clock.advance(0);
    await clock.advance(9_100);
    expect(ticks).toEqual([0, 10.9, 20]);
  });

  it('does not make up for what it missed while the machine slept', async () => {
    const { clock, ticks } = scheduleOf({ every: 10_000 });
    clock.oversleep(3_604_000);
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

  it('does not tick after it was stopped', async () => {
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

describe('a schedule that another producer kept until now', () => {
  const goesOn = (config: ScheduleConfig, first: number) => scheduleOf(config, () => true, { first });

  it('goes on when the next tick is due, not at once', async () => {
    const { clock, ticks, at } = goesOn({ every: 60_000 }, start + 40_000);
    expect([ticks, at()]).toEqual([[], 40]);
    await clock.advance(110_000);
    expect(ticks).toEqual([40, 100]);
  });

  it('ticks at once if that is past, and within an interval if it is too far away to be true', async () => {
    expect(goesOn({ every: 60_000 }, start - 1).ticks).toEqual([0]);
    expect(goesOn({ every: 60_000 }, start + 86_400_000).at()).toBe(60);
  });

  it('does not tick again if it was to tick once', async () => {
    const { clock, ticks, at } = goesOn({ once: true }, Number.POSITIVE_INFINITY);
    await clock.advance(600_000);
    expect([ticks, at()]).toEqual([[], undefined]);
  });
});

describe('a schedule among many', () => {
  const jittered = (config: ScheduleConfig, share: number) =>
    scheduleOf(config, () => true, { jitter: 10_000, random: () => share });

  it('begins somewhat later, and then keeps to its interval', async () => {
    const { clock, ticks } = jittered({ every: 60_000 }, 0.5);
    await clock.advance(130_000);
    expect(ticks).toEqual([5, 65, 125]);
  });

  it('begins somewhat later if it ticks once', async () => {
    const { clock, ticks } = jittered({ once: true }, 0.3);
    await clock.advance(60_000);
    expect(ticks).toEqual([3]);
  });
});

describe('a schedule of cron', () => {
  /** The ticks of a cron schedule from a moment on, as times in UTC. */
  async function ticksOf(config: { cron: string; timezone: string }, from: string, ms: number): Promise<string[]> {
    const clock = new ManualClock(Date.parse(from));
    const ticks: string[] = [];
    const tick = async () => {
      ticks.push(new Date(clock.now()).toISOString().slice(0, 19));
      return true;
    };
    const schedule = startSchedule(config, { clock, log: recordingLog().log, tick });
    await clock.advance(ms);
    schedule.stop();
    await clock.advance(ms);
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

  it.each([
    // Europe/Rome: 2:30 does not exist on 29 March 2026, and is there twice on 25 October 2026.
    [
      'a tick in an hour that does not exist comes when that would have begun, not a day late',
      '30 2 * * *',
      '2026-03-28T12:00:00Z',
      3,
      ['2026-03-29T01:00:00', '2026-03-30T00:30:00', '2026-03-31T00:30:00'],
    ],
    [
      'an hour that comes twice is ticked in once',
      '30 2 * * *',
      '2026-10-24T12:00:00Z',
      3,
      ['2026-10-25T00:30:00', '2026-10-26T01:30:00', '2026-10-27T01:30:00'],
    ],
    [
      'a daily tick keeps its wall-clock time into winter',
      '0 6 * * *',
      '2026-10-24T12:00:00Z',
      2,
      ['2026-10-25T05:00:00', '2026-10-26T05:00:00'],
    ],
  ])('%s', async (_what, cron, from, days, expected) => {
    const ticks = await ticksOf({ cron, timezone: 'Europe/Rome' }, from, days * 86_400_000);
    expect(ticks.slice(1)).toEqual(expected);
  });

  it.each([
    ['into summer time', '2026-03-28T22:00:00Z'],
    ['into winter time', '2026-10-24T22:00:00Z'],
  ])('ticks every quarter of an hour through the change %s, neither twice nor with a gap', async (_what, from) => {
    const ticks = await ticksOf({ cron: '*/15 * * * *', timezone: 'Europe/Rome' }, from, 6 * 3_600_000);
    const times = ticks.map((tick) => Date.parse(`${tick}Z`));
    const gaps = times.slice(2).map((time, index) => time - (times[index + 1] ?? 0));
    expect(new Set(gaps)).toEqual(new Set([900_000]));
    expect(gaps.length).toBeGreaterThanOrEqual(22);
  });

  it('says when it ticks next', () => {
    const config = { cron: '0 6 * * *', timezone: 'UTC' };
    const clock = new ManualClock(Date.parse('2026-03-01T12:07:00Z'));
    const schedule = startSchedule(config, { clock, log: recordingLog().log, tick: async () => true });
    expect(schedule.nextAt()).toBe(Date.parse('2026-03-02T06:00:00Z'));
    schedule.stop();
  });

  it('ticks late rather than not at all when the machine slept', async () => {
    const clock = new ManualClock(Date.parse('2026-03-01T05:59:00Z'));
    let ticks = 0;
    const tick = async () => {
      ticks += 1;
      return true;
    };
    const config = { cron: '0 6 * * *', timezone: 'UTC' };
    const schedule = startSchedule(config, { clock, log: recordingLog().log, tick });
    onTestFinished(() => schedule.stop());
    clock.set(Date.parse('2026-03-01T08:30:00Z'));
    await clock.advance(60_000);
    expect(ticks).toBe(2);
  });
});
