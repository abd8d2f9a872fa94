import { setTimeout as sleep } from 'node:timers/promises';

/** Without any progress for so long, something hangs. Milliseconds. */
const PATIENCE = 120_000;

/** The shortest and longest time from one look to the next. Milliseconds. */
const SHORTEST = 15;
const LONGEST = 1_000;

/** What is left where nothing is known yet. Milliseconds. */
const UNKNOWN = 100;

/**
 * Waits until a count has reached its goal. Each look costs the process that is looked at, so it looks seldom, and
 * often only where the end is near.
 * @param count what is done so far
 * @returns the count at the end of the wait
 * @throws Error if nothing moves any more, or the signal's reason
 */
export async function untilCount(
  what: string,
  goal: number,
  count: () => Promise<number>,
  signal: AbortSignal,
): Promise<number> {
  const began = performance.now();
  let last = 0;
  let movedAt = began;
  for (;;) {
    signal.throwIfAborted();
    const done = await count();
    if (done >= goal) return done;
    const now = performance.now();
    if (done !== last) movedAt = now;
    last = done;
    if (now - movedAt > PATIENCE) throw new Error(`${what}: nothing moves since ${done} of ${goal}`);
    const left = done === 0 ? UNKNOWN : ((goal - done) * (now - began)) / done;
    await sleep(Math.min(LONGEST, Math.max(SHORTEST, left / 2)), undefined, { signal });
  }
}
