import { type Clock, describeBrokerError, describeError, type Logger } from '@tributary/shared';
import type { ConsumerMetrics } from '../metrics/metrics.js';
import type { Sink } from '../sinks/port.js';
import type { SessionEnd } from './ending.js';
import { newWriter } from './new-writer.js';
import { watchSink } from './watch-sink.js';

/** A session that lasted this many milliseconds had begun well. */
const LASTING = 10_000;

/** Milliseconds. */
const PROBE_TIMEOUT = 6_000;
/** Milliseconds between two probes, and between two sessions, at most: readiness has to tell within 10 s that a cause is over. */
const LONGEST_WAIT_FOR_SINK = 2_000;
const LONGEST_DELAY = 7_000;

export interface SessionsOptions {
  /** Runs one session of the writer of this name. */
  readonly session: (writer: string) => Promise<SessionEnd>;
  /** Names this consumer for people; the names of its writers begin with it. */
  readonly instance: string;
  readonly sink: Sink;
  /** Resolves when the ledger's Redis does what is asked of it, or the signal has aborted. */
  readonly untilRedis: (signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ConsumerMetrics;
  /** Called with what keeps the consumer from consuming, and with undefined when that is over. */
  readonly onProblem: (what: 'session' | 'sink', problem: string | undefined) => void;
  /** Called when a session has ended. */
  readonly onEnd: () => void;
  /** Aborted to stop: no other session begins. */
  readonly stop: AbortSignal;
}

/** Runs one session after another, each with a new writer, until it is stopped. */
export async function runSessions(options: SessionsOptions): Promise<void> {
  const { session, instance, sink, clock, log, metrics, onProblem, onEnd, stop } = options;
  let after: SessionEnd['after'] | 'start' = 'start';
  /** What was logged last: a cause that lasts is logged once. */
  let told = '';
  for (let failures = 0; !stop.aborted; ) {
    if (!(await waitForSink(options))) return;
    // A session that begins while Redis refuses would fail, and each that fails makes the wait for the next one longer.
    await options.untilRedis(stop);
    if (stop.aborted) return;
    metrics.sessionBegan(after);
    const began = clock.monotonic();
    const over = new AbortController();
    void watchSink({ sink, clock, log, onProblem: (problem) => onProblem('sink', problem) }, over.signal);
    const end = await session(newWriter(instance, clock)).catch(failed);
    over.abort();
    onEnd();
    if (end.after === 'stopped' || stop.aborted) return;
    after = end.after;
    onProblem('session', `not consuming: ${after}${end.reason === undefined ? '' : `: ${end.reason}`}`);
    // What fails at once fails again: each time it waits longer, so that neither log nor delivery counts run away.
    failures = clock.monotonic() - began > LASTING ? 0 : failures + 1;
    const delay = Math.min(250 * 2 ** failures, LONGEST_DELAY);
    const isKnown = failures > 1 && `${after} ${end.reason}` === told;
    told = `${after} ${end.reason}`;
    log[isKnown ? 'debug' : 'warn'](
      { after, reason: end.reason, delayMs: delay },
      'beginning again with a new writer; what was not acknowledged is delivered again',
    );
    await clock.sleep(delay, stop);
  }
}

const failed = (error: unknown): SessionEnd => ({ after: 'failed', reason: describeBrokerError(error) });

/** Nothing is taken from the queues while nothing can be written. @returns false if it was stopped meanwhile */
async function waitForSink({ sink, clock, log, onProblem, stop }: SessionsOptions): Promise<boolean> {
  for (let attempt = 1; !stop.aborted; attempt++) {
    try {
      await answered(sink.probe(), clock, stop);
      onProblem('sink', undefined);
      return true;
    } catch (error) {
      const reason = describeError(error);
      onProblem('sink', `the sink cannot be written: ${reason}`);
      if (attempt === 1) log.error({ reason }, 'the sink cannot be written: nothing is consumed until it can');
      await clock.sleep(Math.min(250 * 2 ** attempt, LONGEST_WAIT_FOR_SINK), stop);
    }
  }
  return false;
}

/**
 * A folder may never answer, such as a network file system that is away.
 * @throws Error saying so
 */
async function answered(probe: Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const silence = clock.sleep(PROBE_TIMEOUT, AbortSignal.any([done.signal, signal])).then(() => {
    if (!done.signal.aborted)
      throw new Error(`no answer within ${PROBE_TIMEOUT / 1_000} s; is it a place that can be written to?`);
  });
  await Promise.race([probe, silence]).finally(() => done.abort());
}
