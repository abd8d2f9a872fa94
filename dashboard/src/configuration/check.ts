import { BoundedProcess, builtFile, RetryableError } from '@tributary/shared';
import { ApiError } from '../http/api-error.js';
import type { Checked } from './check-child.js';
import type { Defined, DefineTask } from './define-child.js';
import type { Edited } from './edited.js';

/** Milliseconds, and megabytes of heap: a file of some hundred endpoints takes a tenth of a second. */
const TIME = 20_000;
const MEMORY = 256;

/** Checks a pipeline file. @throws as {@link inProcess} */
export const checkInProcess = (edited: Edited, signal: AbortSignal): Promise<Checked> =>
  inProcess('./check-child.js', edited, signal);

/** Reads a new definition of an entity as a part of its file. @throws as {@link inProcess} */
export const defineInProcess = (task: DefineTask, signal: AbortSignal): Promise<Defined> =>
  inProcess('./define-child.js', task, signal);

/**
 * Works in a process of its own: YAML that unfolds to gigabytes, or patterns that take for ever, would hold up the dashboard, or end it.
 *
 * @throws ApiError for a file that takes too long or too much memory; the signal's reason once it has aborted
 */
async function inProcess<Answer>(file: string, task: Edited, signal: AbortSignal): Promise<Answer> {
  signal.throwIfAborted();
  const child = new BoundedProcess(builtFile(file, import.meta.url), MEMORY);
  try {
    const answer = await child.ask<Answer>(task, { time: TIME, signal });
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
