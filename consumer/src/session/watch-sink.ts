import { type Clock, describeError, type Logger } from '@tributary/shared';
import type { Sink } from '../sinks/port.js';

/** Milliseconds between two looks at the sink, and for the answer: together less than the 10 s within which readiness must tell. */
const LOOK_EVERY = 3_000;
const LOOK_TIMEOUT = 5_000;

export interface SinkWatchOptions {
  readonly sink: Pick<Sink, 'epoch'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with what keeps the sink from answering, and with undefined when it answers. */
  readonly onProblem: (problem: string | undefined) => void;
}

/**
 * Tells that a sink is away also while nothing is written: records may wait half a minute for their batch to be full, and until then
 * nothing else would say so. One look at a time, so that a sink that gives no answer is not asked by more and more.
 *
 * @param over aborted when the session has ended
 */
export async function watchSink(options: SinkWatchOptions, over: AbortSignal): Promise<void> {
  const { clock, log, onProblem } = options;
  let isTold = false;
  const tell = (reason: string) => {
    if (over.aborted) return;
    if (!isTold) log.warn({ reason }, 'the sink does not answer');
    isTold = true;
    onProblem(`the sink does not answer: ${reason}`);
  };
  for (;;) {
    await clock.sleep(LOOK_EVERY, over);
    if (over.aborted) return;
    const reason = await look(options, over, () => tell(`no answer within ${LOOK_TIMEOUT / 1_000} s`));
    if (over.aborted) return;
    if (reason !== undefined) {
      tell(reason);
    } else if (isTold) {
      isTold = false;
      log.info('the sink answers again');
      onProblem(undefined);
    }
  }
}

/** @returns why the sink does not answer; undefined if it does */
async function look({ sink, clock }: SinkWatchOptions, over: AbortSignal, onSilence: () => void) {
  const answered = new AbortController();
  void clock.sleep(LOOK_TIMEOUT, AbortSignal.any([answered.signal, over])).then(() => {
    if (!answered.signal.aborted && !over.aborted) onSilence();
  });
  try {
    // Once more at once: a connection that broke while it was idle fails the first look after the sink is back.
    await sink.epoch().catch(() => sink.epoch());
    return undefined;
  } catch (error) {
    return describeError(error);
  } finally {
    answered.abort();
  }
}
