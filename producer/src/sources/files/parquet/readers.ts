import { getHeapStatistics } from 'node:v8';
import { BoundedProcess, builtFile } from '@tributary/shared';

export interface ReaderLimits {
  /** Megabytes of its heap. */
  readonly memory: number;
  /** Milliseconds within which it comes on, while it waits for no bytes. */
  readonly time: number;
}

/** Where this process has less memory, a reader has no more. */
export const LIMITS: ReaderLimits = {
  memory: Math.min(1_024, Math.floor(getHeapStatistics().heap_size_limit / 1024 ** 2)),
  time: 120_000,
};

/** Milliseconds after which one that nobody needs is ended. It takes a tenth of a second to start one. */
const IDLE = 5_000;

const idle: { reader: BoundedProcess; memory: number; timer: NodeJS.Timeout }[] = [];

/** A process that reads Parquet files: one that is idle, or a new one. */
export function takeReader(memory: number): BoundedProcess {
  const index = idle.findIndex((one) => one.memory === memory && one.reader.isAlive);
  const [found] = index === -1 ? [] : idle.splice(index, 1);
  if (found === undefined) return new BoundedProcess(builtFile('./child.js', import.meta.url), memory);
  clearTimeout(found.timer);
  found.reader.hold(true);
  return found.reader;
}

/** Keeps one for the next file that has answered to all that it was asked. */
export function giveBack(reader: BoundedProcess, memory: number): void {
  const one = {
    reader,
    memory,
    timer: setTimeout(() => {
      reader.kill();
      idle.splice(idle.indexOf(one), 1);
    }, IDLE).unref(),
  };
  reader.hold(false);
  idle.push(one);
}
