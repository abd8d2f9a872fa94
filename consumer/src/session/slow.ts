import type { Clock, Logger } from '@tributary/shared';

/** Milliseconds after which a step of a session's start is told to be slow. */
const SLOW = 5_000;

export interface SlowStepOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted to stop: what is waited for then is of no interest. */
  readonly stop: AbortSignal;
  /** Called with what the session waits for, if it waits long. */
  readonly onSlow: (words: string) => void;
}

/**
 * Waits for a step of a session's start, and tells if that takes long: nothing is consumed meanwhile, and the server that gives no
 * answer gives no error either.
 * @param words what is waited for, and what to do
 */
export async function tellIfSlow<T>(step: Promise<T>, words: string, options: SlowStepOptions): Promise<T> {
  const { clock, log, stop, onSlow } = options;
  const done = new AbortController();
  void clock.sleep(SLOW, AbortSignal.any([done.signal, stop])).then(() => {
    if (done.signal.aborted || stop.aborted) return;
    log.warn(`waiting: ${words}`);
    onSlow(words);
  });
  return await step.finally(() => done.abort());
}
