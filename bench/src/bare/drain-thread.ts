import { parentPort, workerData } from 'node:worker_threads';
import { drainBarely } from './drain.js';

/** What the thread is given. */
export interface DrainOrder {
  readonly url: string;
  readonly queue: string;
  readonly count: number;
}

// Apart from the publisher's thread, as a consumer is apart from a producer (see throughput.ts).
const { url, queue, count } = workerData as DrainOrder;
parentPort?.postMessage(await drainBarely(url, queue, count));
