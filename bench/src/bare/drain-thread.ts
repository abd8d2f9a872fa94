import { parentPort, workerData } from 'node:worker_threads';
import { drainBarely } from './drain.js';

/** The data that the thread gets. */
export interface DrainOrder {
  readonly url: string;
  readonly queue: string;
  readonly count: number;
}

// In a thread of its own, as a consumer is a process apart from the producer (see ../figures/end-to-end.ts).
const { url, queue, count } = workerData as DrainOrder;
parentPort?.postMessage(await drainBarely(url, queue, count));
