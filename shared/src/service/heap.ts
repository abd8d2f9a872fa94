import { setFlagsFromString } from 'node:v8';

/**
 * By how many percent V8 lets the old part of its heap grow before it collects it. By itself it chooses up to 300: a consumer under load,
 * of which 35 MB live, then has a heap of 140 MB.
 */
const GROWS_BY = 50;

/**
 * Makes this process collect its garbage sooner, for half of the memory and some 5 % more CPU. Nearly all that a service holds is on its
 * way: it becomes old while Redis or the disk is awaited, and is garbage then. To be called at the start, by a process that has its
 * service to itself; V8 reads both flags at each collection.
 */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWS_BY}`);
  // A collection of the young part copies two or three megabytes: to share that among threads costs more than it saves.
  setFlagsFromString('--no-parallel-scavenge');
}
