import { type Clock, RetryableError } from '@tributary/shared';
import pRetry from 'p-retry';
import { backoff } from './backoff.js';
import type { SourceEvents } from './port.js';

export interface Retries extends Pick<SourceEvents, 'onRetry' | 'onSettled' | 'onPause'> {
  /** How often it is tried again at most. */
  readonly retries: number;
  /** The longest wait before the second attempt, in milliseconds; see {@link backoff}. */
  readonly retryDelay: number;
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
  readonly signal: AbortSignal;
  /** Whether another attempt may help after this error; unless given, it may. */
  mayHelp?(error: RetryableError): boolean;
}

/**
 * Attempts something again while it fails by a RetryableError, and tells of each failure that is followed by another attempt.
 * @throws the error of the last attempt; the signal's reason once it has aborted
 */
export async function tryAgain<T>(attempt: () => Promise<T>, options: Retries): Promise<T> {
  const { retries, retryDelay, clock, random, signal, mayHelp, onRetry, onSettled, onPause } = options;
  let failed = 0;
  const answered = pRetry(attempt, {
    retries,
    // The waiting is done below, by a clock that tests can hold in their hands.
    minTimeout: 0,
    maxTimeout: 0,
    signal,
    shouldRetry: ({ error }) => error instanceof RetryableError && mayHelp?.(error) !== false,
    onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
      if (signal.aborted || retriesLeft === 0 || !(error instanceof RetryableError) || mayHelp?.(error) === false)
        return;
      const { notBefore = 0 } = error;
      // The random back-off is added, so that clients that were all told "in 30 seconds" do not come in the same second.
      const asked = Math.max(notBefore - clock.now(), 0);
      const wait = asked + backoff(retryDelay, attemptNumber, random());
      failed += 1;
      onRetry(error.code, error.message, { failed, at: clock.now() + wait });
      if (asked > 0) onPause?.(notBefore);
      if (wait > 0) await clock.sleep(wait, signal);
    },
  });
  return await answered.finally(() => {
    if (failed > 0) onSettled?.();
  });
}
