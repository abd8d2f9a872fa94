import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '@tributary/shared';

/** A small disk of its own for the output, that can be full. */
export interface Disk {
  fill(): void;
  free(): void;
  /** Takes it away, with all that is on it. */
  release(): void;
}

const SIZE = '96m';

/** Bytes that are written at a time to fill it. */
const CHUNK = Buffer.alloc(1024 * 1024);

/** @throws Error if no file system can be mounted here, as without root */
export function mountDisk(folder: string, ballastName = '.ballast'): Disk {
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=755`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    throw new Error(`the chaos needs root, to give the output a small disk of its own: ${describeError(error)}`);
  }
  const ballast = join(folder, ballastName);
  return {
    fill() {
      const file = openSync(ballast, 'w');
      try {
        for (let chunk = CHUNK; chunk.length > 0; ) {
          try {
            writeSync(file, chunk);
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
            chunk = chunk.subarray(0, Math.floor(chunk.length / 2));
          }
        }
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    release: () => void execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' }),
  };
}
