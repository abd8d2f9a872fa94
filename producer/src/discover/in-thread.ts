import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import {
  builtFile,
  FatalError,
  type FoundForPage,
  interruptible,
  RetryableError,
  withTimeout,
} from '@tributary/shared';
import type { Looked } from './on-page-thread.js';

export interface ThreadLimits {
  /** Megabytes of its heap. */
  readonly memory: number;
  /** Milliseconds from its start to its answer. */
  readonly time: number;
}

/** The look itself ends after a minute, unless it computes all the time. */
const LIMITS: ThreadLimits = { memory: 512, time: 75_000 };

/**
 * As {@link discoverForPage}, in a thread of its own, which is ended when the reader goes, and when it takes too long or too much memory:
 * an answer that an API made for it held up the process, which serves other people and may poll and write too, for half a minute. Nothing
 * of the environment is in the thread.
 *
 * @throws FatalError, RetryableError saying what was found and what to do; the signal's reason once it has aborted
 */
export async function discoverInThread(
  input: string,
  signal: AbortSignal,
  { memory, time }: ThreadLimits = LIMITS,
): Promise<FoundForPage> {
  signal.throwIfAborted();
  const looking = withTimeout(signal, time);
  const thread = new Worker(builtFile('./on-page-thread.js', import.meta.url), {
    workerData: input,
    env: {},
    // Of the process's own: tests look for sources.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memory },
  });
  // One that comes after the end of the look, such as that there was no memory, would end the process.
  thread.on('error', () => {});
  try {
    return resultOf(await interruptible(answerOf(thread), looking));
  } catch (error) {
    if (looking.aborted && !signal.aborted)
      throw new RetryableError(
        'timeout',
        `what the API answered could not be looked at within ${time / 1_000} s; on the command line there is no such limit`,
      );
    throw error;
  } finally {
    await thread.terminate();
  }
}

async function answerOf(thread: Worker): Promise<Looked> {
  try {
    const [answer] = (await once(thread, 'message')) as [Looked];
    return answer;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') throw cause;
    const message =
      'what the API answered takes more memory than may be used for it here; on the command line it may work';
    throw new FatalError('memory_spent', message, { cause });
  }
}

function resultOf(looked: Looked): FoundForPage {
  if ('found' in looked) return looked.found;
  if (looked.kind === 'fatal') throw new FatalError(looked.code, looked.message);
  if (looked.kind === 'retryable') throw new RetryableError(looked.code, looked.message);
  throw new Error(looked.message);
}
