import { describeError, systemClock } from '@tributary/shared';

/**
 * Waits for a condition, asking again and again.
 * @param lacking what is lacking still; undefined when nothing is. It may throw, which counts as lacking.
 * @param timeout milliseconds
 * @throws Error saying what was lacking last, or the signal's reason
 */
export async function until(
  what: string,
  lacking: () => Promise<string | undefined>,
  { timeout, signal, every = 100 }: { timeout: number; signal: AbortSignal; every?: number },
): Promise<void> {
  const deadline = Date.now() + timeout;
  for (;;) {
    signal.throwIfAborted();
    const lacks = await lacking().catch((error: unknown) => describeError(error));
    if (lacks === undefined) return;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeout / 1_000} s: ${lacks}`);
    await systemClock.sleep(every, signal);
  }
}
