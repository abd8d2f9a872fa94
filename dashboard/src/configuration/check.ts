import { BoundedProcess, builtFile, RetryableError } from '@tributary/shared';
import { ApiError } from '../http/api-error.js';
import type { Checked, CheckTask } from './check-child.js';

/** Milliseconds, and megabytes of heap: a file of some hundred endpoints takes a tenth of a second. */
const TIME = 20_000;
const MEMORY = 256;

/**
 * Checks a pipeline file in a process of its own: YAML that unfolds to gigabytes, or patterns that take for ever, would hold up the dashboard, or end it.
 *
 * @throws ApiError for a file that takes too long or too much memory; the signal's reason once it has aborted
 */
export async function checkInProcess(task: CheckTask, signal: AbortSignal): Promise<Checked> {
  signal.throwIfAborted();
  const child = new BoundedProcess(builtFile('./check-child.js', import.meta.url), MEMORY);
  try {
    const answer = await child.ask<Checked>(task, { time: TIME, signal });
    if (answer === 'late')
      throw tooCostly(`the file was not checked within ${TIME / 1_000} s: it is too large, or unfolds too far`);
    if (answer === 'spent') throw tooCostly(`the file takes more than ${MEMORY} MB to check`);
    if (answer === 'killed')
      throw new RetryableError(
        'check_failed',
        'the process that checks files does not start, or was killed; try again',
      );
    return answer;
  } finally {
    child.kill();
  }
}

const tooCostly = (words: string) => new ApiError(422, 'too_costly', words);
