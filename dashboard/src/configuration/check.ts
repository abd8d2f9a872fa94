import { fork } from 'node:child_process';
import { builtFile, RetryableError } from '@tributary/shared';
import { ApiError } from '../http/api-error.js';
import type { Checked, CheckTask } from './check-child.js';

/** Milliseconds, and megabytes of heap: a file of some hundred endpoints takes a tenth of a second. */
const TIME = 20_000;
const MEMORY = 256;

/**
 * Checks a pipeline file in a process of its own: YAML that unfolds to gigabytes, or patterns that take for ever, would hold up the dashboard, or end it. A
 * thread is not enough, since what does not fit into its memory at once ends the whole process.
 *
 * @throws ApiError for a file that takes too long or too much memory; the signal's reason once it has aborted
 */
export function checkInProcess(task: CheckTask, signal: AbortSignal): Promise<Checked> {
  signal.throwIfAborted();
  const child = fork(builtFile('./check-child.js', import.meta.url), [], {
    env: {},
    execArgv: [`--max-old-space-size=${MEMORY}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  return new Promise<Checked>((resolve, reject) => {
    const late = setTimeout(
      () =>
        reject(
          new ApiError(
            422,
            'too_costly',
            `the file was not checked within ${TIME / 1_000} s: it is too large, or unfolds too far`,
          ),
        ),
      TIME,
    );
    const settle = () => clearTimeout(late);
    child.once('message', (answer) => resolve(answer as Checked));
    child.once('error', () =>
      reject(new RetryableError('check_failed', 'the process that checks files does not start; try again')),
    );
    child.once('exit', () => reject(new ApiError(422, 'too_costly', `the file takes more than ${MEMORY} MB to check`)));
    child.once('exit', settle);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    child.send(task);
  }).finally(() => child.kill('SIGKILL'));
}
