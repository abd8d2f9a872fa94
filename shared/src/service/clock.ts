/** Time, passed to everything that waits or takes the time, so that tests can control it. */
export interface Clock {
  /** The time of day: milliseconds since the epoch. A person, NTP or a resumed machine may set it, back as well as forward. */
  now(): number;
  /**
   * Milliseconds of a clock that is never set, from any beginning. Every duration and every deadline within the process is
   * counted by it: counted by the time of day, a step back of an hour would make each of them an hour longer.
   */
  monotonic(): number;
  /** Resolves after `ms`, or at once when the signal aborts; it never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Waits for something, but not longer than this. @throws what `work` throws meanwhile */
export async function within(clock: Clock, ms: number, work: Promise<unknown>, signal?: AbortSignal): Promise<void> {
  const done = new AbortController();
  const either = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]);
  await Promise.race([work, clock.sleep(ms, either)]).finally(() => done.abort());
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done);
    }),
};
