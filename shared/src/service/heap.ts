import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Up to where the old part of the heap may grow before V8 collects it, in bytes. Of a service under load 30 MB of it live. V8 by itself lets
 * such a heap grow to 120 MB.
 */
const OLD_AT_MOST = 64 * 1024 ** 2;

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
  const collect = exposedCollector();
  let growth = MOST_GROWTH;
  const setGrowth = () => {
    growth = growthOf(oldBytes());
    setFlagsFromString(`--heap-growing-percent=${growth}`);
  };
  const observer = new PerformanceObserver((list) => {
    if (!list.getEntries().some(isMajor)) return;
    const before = growth;
    setGrowth();
    // The collection that has just ended used the percentage of the one before it. On a busy machine a collection takes so long that what
    // became garbage meanwhile is left: twice of that would be far beyond the bound.
    if (growth < before * FAR_LESS) collect();
  });
  observer.observe({ entryTypes: ['gc'] });
  setGrowth();
  // V8 does not heed the percentage before the first collection, which it puts off for long.
  collect();
}

/** The share of a percentage that is so much less that it has to count at once. */
const FAR_LESS = 0.7;

const isMajor = (entry: object): boolean => {
  const detail: unknown = 'detail' in entry ? entry.detail : undefined;
  const isKind = typeof detail === 'object' && detail !== null && 'kind' in detail;
  return isKind && detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
};

/** A function that collects all garbage. */
function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return typeof collect === 'function' ? () => collect() : () => {};
}

const oldBytes = (): number =>
  getHeapSpaceStatistics()
    .filter(({ space_name: name }) => !name.startsWith('new_') && name !== 'read_only_space')
    .reduce((sum, { space_used_size: used }) => sum + used, 0);
