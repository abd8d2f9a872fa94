import { type Clock, CronTimes, type Logger, type ScheduleConfig } from '@tributary/shared';

/** A schedule in progress. */
export interface Schedule {
  /** When the next tick is due, in milliseconds since the epoch; undefined if there is none. */
  nextAt(): number | undefined;
  /** Ends the ticks. */
  stop(): void;
}

export interface ScheduleOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called at each tick, also while an earlier call is in progress. Resolves with whether it succeeded. */
  tick(): Promise<boolean>;
  /**
   * When the first tick is due, in milliseconds since the epoch, if another producer polled until now. If it is past or not
   * given, the first tick is at once; `once` does not tick at all if it is given.
   */
  readonly first?: number | undefined;
  /** Each tick comes up to this many milliseconds late. With `every` only the first does: the others count from it. */
  readonly jitter?: number;
  /** From 0 to 1. */
  random?(): number;
}

/** How long after a failure `once` tries again, in milliseconds. */
const ONCE_AGAIN = 60_000;

/** Starts a schedule. It ticks at once, unless `first` says later, and then as configured; `once` ticks until it succeeds. */
export function startSchedule(config: ScheduleConfig, options: ScheduleOptions): Schedule {
  if ('cron' in config) return startCron(config, options);
  if ('every' in config) return startInterval(config.every, options);
  return startOnce(options);
}

/** How long after a run that failed a continuous schedule begins the next one, in milliseconds, and when one is overdue. */
const CONTINUOUS_AGAIN = 2_000;
const CONTINUOUS_DUE = 60_000;

/** Ticks again as soon as the tick before is over. */
export function startContinuous({ clock, tick }: Pick<ScheduleOptions, 'clock' | 'tick'>): Schedule {
  const stopped = new AbortController();
  const run = async () => {
    while (!stopped.signal.aborted) {
      const begun = clock.monotonic();
      const isDone = await tick();
      // One that is over at once would keep the process busy.
      if (!isDone || clock.monotonic() - begun < CONTINUOUS_AGAIN) await clock.sleep(CONTINUOUS_AGAIN, stopped.signal);
    }
  };
  void run();
  return { nextAt: () => clock.now() + CONTINUOUS_DUE, stop: () => stopped.abort() };
}

const delayOf = ({ jitter = 0, random = () => 0 }: ScheduleOptions): number => Math.floor(jitter * random());

/**
 * Ticks at an interval from the first tick, without drifting. Cron cannot express every interval (90 s, or 7 minutes evenly),
 * and it ticks at full minutes, when all endpoints would start together.
 */
function startInterval(interval: number, options: ScheduleOptions): Schedule {
  const { clock, tick, first = 0 } = options;
  const stopped = new AbortController();
  const begun = clock.now();
  // A first tick further away than one interval came from a clock that was wrong.
  let next = first > begun ? Math.min(first, begun + interval) : begun + delayOf(options);
  const run = async () => {
    if (next > begun) await clock.sleep(next - begun, stopped.signal);
    while (!stopped.signal.aborted) {
      void tick();
      const now = clock.now();
      next += interval;
      // Ticks that were missed while the machine slept are not made up for.
      if (next <= now) next += Math.ceil((now - next + 1) / interval) * interval;
      // If the clock was set back, the next tick must not wait until it has caught up.
      if (next > now + interval) next = now + interval;
      await clock.sleep(next - now, stopped.signal);
    }
  };
  void run();
  return { nextAt: () => next, stop: () => stopped.abort() };
}

/** A long wait is checked this often, in milliseconds: timers hold 24 days at most, and the machine may sleep. */
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
      // A tick that is late because the machine slept still counts: it may be the only one of the day.
      if (now >= next) void tickLater();
      // If the clock was set back, the next tick must not wait until it has caught up.
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
