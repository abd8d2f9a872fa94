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

/**
 * What `work` comes to, unless it takes longer than this. It goes on then, and nobody waits for it any more.
 * @throws what `late` gives, or what `work` throws in time
 */
export async function inTime<T>(clock: Clock, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  const done = new AbortController();
  // One that fails when it is too late must not end the process.
  work.catch(() => {});
  const isLate = clock.sleep(ms, done.signal).then(() => {
    if (done.signal.aborted) return work;
    throw late();
  });
  try {
    return await Promise.race([work, isLate]);
  } finally {
    done.abort();
    isLate.catch(() => {});
  }
}

/** Milliseconds that a timer of Node can wait: 24 days. */
const LONGEST = 2 ** 31 - 1;

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
      // One that is longer would end at once.
      const timer = setTimeout(done, Math.min(ms, LONGEST));
      signal?.addEventListener('abort', done);
    }),
};
