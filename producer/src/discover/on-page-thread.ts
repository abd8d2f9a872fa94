import { parentPort, workerData } from 'node:worker_threads';
import { describeError, FatalError, type FoundForPage, RetryableError, systemClock } from '@tributary/shared';
import { discoverForPage } from './on-page.js';

/** What a thread answers. */
export type Looked =
  | { readonly found: FoundForPage }
  | { readonly kind: 'fatal' | 'retryable'; readonly code: string; readonly message: string }
  | { readonly kind: 'other'; readonly message: string };

/** The program of the thread in which an API is looked at; see in-thread.ts. Whoever ends the look ends the thread. */
const look = async (input: string): Promise<Looked> => {
  try {
    return { found: await discoverForPage(input, { clock: systemClock, signal: new AbortController().signal }) };
  } catch (error) {
    if (error instanceof FatalError) return { kind: 'fatal', code: error.code, message: error.message };
    if (error instanceof RetryableError) return { kind: 'retryable', code: error.code, message: error.message };
    return { kind: 'other', message: describeError(error) };
  }
};

parentPort?.postMessage(await look(String(workerData)));
