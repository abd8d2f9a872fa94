import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Up to where the old part of the heap may grow before V8 collects it, in bytes. Of a service under load 30 MB of it live. V8 by itself lets
 * such a heap grow to 120 MB.
 */
const OLD_AT_MOST = 60 * 1024 ** 2;

/** By how many percent it may grow at least, however much of it lives: each collection costs time for all that lives. */
const LEAST_GROWTH = 50;

/** What V8 does by itself. */
const MOST_GROWTH = 300;

/** @param live bytes in the old part right after it was collected. @returns by how many percent it may grow until it is collected again */
export function growthOf(live: number): number {
  const room = Math.floor((OLD_AT_MOST / live - 1) * 100);
  return Math.min(MOST_GROWTH, Math.max(LEAST_GROWTH, room));
}

/**
 * Makes this process collect its garbage sooner, so that it takes two thirds of the memory for some 5 % more CPU. Nearly all that a service
 * holds is on its way: it becomes old while Redis or the disk is awaited, and is garbage then. To be called once, at the start, by a process
 * that has its service to itself; V8 reads these flags at each collection.
 */
export function keepHeapSmall(): void {
  // A collection of the young part copies two or three megabytes: to share that among threads costs more than it saves.
  setFlagsFromString('--no-parallel-scavenge');
  const observer = new PerformanceObserver((list) => {
    const isOld = (entry: object) => 'detail' in entry && kindOf(entry.detail) === constants.NODE_PERFORMANCE_GC_MAJOR;
    if (list.getEntries().some(isOld)) setGrowth();
  });
  observer.observe({ entryTypes: ['gc'] });
  collectNow();
  setGrowth();
}

const kindOf = (detail: unknown): unknown =>
  typeof detail === 'object' && detail !== null && 'kind' in detail ? detail.kind : undefined;

const setGrowth = (): void => setFlagsFromString(`--heap-growing-percent=${growthOf(oldBytes())}`);

/** Collects once, because V8 uses the percentage from the second collection on, and puts off the first one for long. */
function collectNow(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect === 'function') collect();
}

const oldBytes = (): number =>
  getHeapSpaceStatistics()
    .filter(({ space_name: name }) => !name.startsWith('new_') && name !== 'read_only_space')
    .reduce((sum, { space_used_size: used }) => sum + used, 0);
