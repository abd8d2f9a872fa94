import { FatalError, type Logger, RetryableError } from '@tributary/shared';
import type { PollSummary } from '../poll/progress.js';
import type { CircuitMemory } from './circuit.js';

/** A poll that failed, and its consequences. */
export interface Failure {
  readonly failure: unknown;
  readonly summary: PollSummary;
  /** Its endpoint is not polled for a while from now on. */
  readonly opened: boolean;
  readonly memory: CircuitMemory;
  /** When the schedule polls next, in milliseconds since the epoch; undefined if never. */
  readonly nextAt: number | undefined;
}

const isKnown = (failure: unknown): failure is RetryableError | FatalError =>
  failure instanceof RetryableError || failure instanceof FatalError;

/** The code under which a failure is counted. */
export const codeOf = (failure: unknown): string => (isKnown(failure) ? failure.code : 'unexpected');

/** Whether a poll was ended for a reason that says nothing about its endpoint. */
export const isCutShort = (failure: unknown, signal: AbortSignal): boolean =>
  signal.aborted || codeOf(failure) === 'lease_lost';

/** Logs what happened to which endpoint, what is done about it, and what a person should do. */
export function tellFailure({ failure, summary, opened, memory, nextAt }: Failure, log: Logger): void {
  const { endpoint, run, published, error } = summary;
  const { circuit, failures, retryAt } = memory;
  const next = retryAt === undefined ? nextAt : Math.max(retryAt, nextAt ?? retryAt);
  const nextPoll = next === undefined ? 'not scheduled' : new Date(next).toISOString();
  const told = { endpoint, run, published, reason: error, nextPoll };
  if (!isKnown(failure)) {
    // A fault of Tributary: mending it takes the stack.
    log.error({ ...told, err: failure }, 'the poll failed unexpectedly');
  } else if (circuit === 'refused' && opened) {
    const advice = `correct its credentials in the pipeline file and restart, or: npx tributary endpoints restart ${endpoint}`;
    log.error(
      { ...told, advice },
      'the API refuses our credentials; a person has to correct them, and until then one request is tried now and then',
    );
  } else if (opened) {
    log.warn(
      { ...told, failures },
      'the poll failed too often; the endpoint is left alone for a while, then one request is tried',
    );
  } else {
    log.warn(told, 'the poll failed; the next one starts where the last successful one ended');
  }
}
