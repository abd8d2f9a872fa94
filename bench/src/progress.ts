import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds without progress after which the wait fails. */
const TIMEOUT = 120_000;

/** The shortest and the longest time between two checks, in milliseconds. */
const SHORTEST = 15;
const LONGEST = 1_000;

/** Milliseconds between two looks whether a warm-up is over. The speed rises meanwhile, so that it ends sooner than it seems to. */
export const WARM_UP_CHECK = 50;

/** The time that is assumed to be left before the first progress, in milliseconds. */
const UNKNOWN = 100;

/**
 * Waits until a count has reached its goal. Each check costs the measured process time, so checks are rare, and become
 * frequent only near the end.
 * @param count the number that is done
 * @param longest milliseconds between two checks at most
 * @returns the count at the end of the wait
 * @throws Error if there is no progress any more, or the signal's reason
 */
export async function untilCount(
  what: string,
  goal: number,
  count: () => Promise<number>,
  signal: AbortSignal,
  longest = LONGEST,
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
    if (now - movedAt > TIMEOUT)
      throw new Error(`${what}: no progress for ${TIMEOUT / 1_000} s, at ${done} of ${goal}`);
    const left = done === 0 ? UNKNOWN : ((goal - done) * (now - began)) / done;
    await sleep(Math.min(longest, Math.max(SHORTEST, left / 2)), undefined, { signal });
  }
}
