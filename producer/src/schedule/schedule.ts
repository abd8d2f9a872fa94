import type { Clock, Logger, ScheduleConfig } from '@tributary/shared';
import { CronTimes } from './cron.js';

/** A schedule that ticks. */
export interface Schedule {
  /** When it ticks next, in milliseconds since the epoch; undefined if it does not. */
  nextAt(): number | undefined;
  /** No more ticks. */
  stop(): void;
}

export interface ScheduleOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called at each tick; it must not wait, for the next tick may come before it is done. Resolves with the success. */
  tick(): Promise<boolean>;
  /**
   * When the first tick is due, in milliseconds since the epoch: another producer ticked until now. If it is past, or not
   * given, the first tick is at once; `once` does not tick at all if it is given.
   */
  readonly first?: number | undefined;
  /** Up to so many milliseconds after its time each tick comes (of `every`, the first, which the others count from). */
  readonly jitter?: number;
  /** From 0 to 1. */
  random?(): number;
}

/** How long after a failure something that is to be done once is tried again, in milliseconds. */
const ONCE_AGAIN = 60_000;

/** Starts a schedule. It ticks at once, unless told otherwise, and then as configured; `once` ticks until it has succeeded. */
export function startSchedule(config: ScheduleConfig, options: ScheduleOptions): Schedule {
  if ('cron' in config) return startCron(config, options);
  if ('every' in config) return startInterval(config.every, options);
  return startOnce(options);
}

const delayOf = ({ jitter = 0, random = () => 0 }: ScheduleOptions): number => Math.floor(jitter * random());

/**
 * Cron cannot express every interval (90 s, or 7 minutes evenly), and what it can it ties to the minute, in which all
 * endpoints would then begin together. This counts from the first tick instead, without drifting.
 */
function startInterval(interval: number, options: ScheduleOptions): Schedule {
  const { clock, tick, first = 0 } = options;
  const stopped = new AbortController();
  const begun = clock.now();
  // Further away than one interval is the work of a clock that was wrong.
  let next = first > begun ? Math.min(first, begun + interval) : begun + delayOf(options);
  const run = async () => {
    if (next > begun) await clock.sleep(next - begun, stopped.signal);
    while (!stopped.signal.aborted) {
      void tick();
      const now = clock.now();
      next += interval;
      // A machine that slept does not make up for what it missed.
      if (next <= now) next += Math.ceil((now - next + 1) / interval) * interval;
      // A clock that was set back must not stop the polling for as long.
      if (next > now + interval) next = now + interval;
      await clock.sleep(next - now, stopped.signal);
    }
  };
  void run();
  return { nextAt: () => next, stop: () => stopped.abort() };
}

/** Timers hold no more than 24 days, and a machine that slept is to be noticed: the wait is looked at this often. */
const LOOK_EVERY = 60_000;

function startCron({ cron, timezone }: { cron: string; timezone: string }, options: ScheduleOptions): Schedule {
  const { clock, first = 0, tick } = options;
  const times = new CronTimes(cron, timezone);
  const stopped = new AbortController();
  const tickLater = async () => {
    const delay = delayOf(options);
    if (delay > 0) await clock.sleep(delay, stopped.signal);
    if (!stopped.signal.aborted) void tick();
  };
  let next = times.after(clock.now());
  const run = async () => {
    while (!stopped.signal.aborted && next !== undefined) {
      const before = clock.now();
      await clock.sleep(Math.min(next - before, LOOK_EVERY), stopped.signal);
      const now = clock.now();
      if (stopped.signal.aborted) return;
      // A tick that comes late, because the machine slept, is better than none: it may be the only one of the day.
      if (now >= next) void tickLater();
      // A clock that was set back must not stop the polling for as long.
      if (now >= next || now < before) next = times.after(now);
    }
  };
  if (first <= clock.now()) void tickLater();
  void run();
  return { nextAt: () => next, stop: () => stopped.abort() };
}

function startOnce(options: ScheduleOptions): Schedule {
  const { clock, tick, first } = options;
  if (first !== undefined) return { nextAt: () => undefined, stop: () => {} };
  const stopped = new AbortController();
  let next: number | undefined;
  const run = async () => {
    const delay = delayOf(options);
    if (delay > 0) await clock.sleep(delay, stopped.signal);
    while (!stopped.signal.aborted) {
      next = clock.now() + ONCE_AGAIN;
      if (await tick()) break;
      await clock.sleep(ONCE_AGAIN, stopped.signal);
    }
    next = undefined;
  };
  void run();
  return { nextAt: () => next, stop: () => stopped.abort() };
}
