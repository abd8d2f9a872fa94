import type { Clock, Logger, ScheduleConfig } from '@tributary/shared';
import { createTask } from 'node-cron';

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
}

/** How long after a failure something that is to be done once is tried again, in milliseconds. */
const ONCE_AGAIN = 60_000;

/** Starts a schedule. It ticks at once, and then as configured; `once` ticks until it has succeeded. */
export function startSchedule(config: ScheduleConfig, options: ScheduleOptions): Schedule {
  if ('cron' in config) return startCron(config, options);
  if ('every' in config) return startInterval(config.every, options);
  return startOnce(options);
}

/**
 * Cron cannot express every interval (90 s, or 7 minutes evenly), and what it can it ties to the minute, in which all
 * endpoints would then begin together. This counts from the first tick instead, without drifting.
 */
function startInterval(interval: number, { clock, tick }: ScheduleOptions): Schedule {
  const stopped = new AbortController();
  let next = clock.now();
  const run = async () => {
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

function startCron({ cron, timezone }: { cron: string; timezone: string }, { log, tick }: ScheduleOptions): Schedule {
  const task = createTask(cron, () => void tick(), {
    timezone,
    // A tick that comes late, because the machine slept, is better than none: it may be the only one of the day.
    missedExecutionTolerance: Number.MAX_SAFE_INTEGER,
    suppressMissedWarning: true,
    logger: {
      info: (message) => log.debug(message),
      debug: (message) => log.debug(String(message)),
      warn: (message) => log.warn(message),
      error: (message) => log.error(String(message)),
    },
  });
  void tick();
  void task.start();
  return { nextAt: () => task.getNextRun()?.getTime(), stop: () => void task.destroy() };
}

function startOnce({ clock, tick }: ScheduleOptions): Schedule {
  const stopped = new AbortController();
  let next: number | undefined;
  const run = async () => {
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
