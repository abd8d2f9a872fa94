import { Worker } from 'node:worker_threads';

/** It is code as text, since the thread needs nothing of ours, and starts sooner so. */
const WATCH = `
const { workerData: { bytes, parent } } = require('node:worker_threads');
setInterval(() => {
  if (process.memoryUsage.rss() > bytes) process.kill(process.pid, 'SIGABRT');
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, 20);
`;

/**
 * Ends this process as V8 does when its heap is spent, once all of it takes more memory than it may: the bound of the heap does not count
 * bytes outside of it. It ends with its parent too, also in the midst of a computation. For a `BoundedProcess`.
 *
 * @param megabytes of the whole process
 */
export function watchMemory(megabytes: number): void {
  const workerData = { bytes: megabytes * 1024 ** 2, parent: process.ppid };
  new Worker(WATCH, { eval: true, workerData, env: {}, execArgv: [] }).unref();
}
