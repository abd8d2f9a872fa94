import { describeError, systemClock } from '@tributary/shared';

export interface UntilOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Milliseconds from one look to the next. */
  readonly every?: number;
  /** Why it never will be, if that is known. */
  readonly hopeless?: () => string | undefined;
}

/**
 * Waits for a condition, asking again and again.
 * @param lacking what is lacking still; undefined when nothing is. It may throw, which counts as lacking.
 * @throws Error saying what was lacking last, or the signal's reason
 */
export async function until(
  what: string,
  lacking: () => Promise<string | undefined>,
  { timeout, signal, every = 100, hopeless }: UntilOptions,
): Promise<void> {
  const deadline = Date.now() + timeout;
  for (;;) {
    signal.throwIfAborted();
    const lacks = await lacking().catch((error: unknown) => describeError(error));
    if (lacks === undefined) return;
    const reason = hopeless?.();
    if (reason !== undefined) throw new Error(`${what}: ${reason}`);
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeout / 1_000} s: ${lacks}`);
    await systemClock.sleep(every, signal);
  }
}
