import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findOrInstall } from '../../../services/apt.js';
import { versionsIn } from '../../../services/binaries.js';
import type { Say } from '../../../services/handle.js';

/** The wall clock of one process, which can be moved while it runs (libfaketime). Its monotonic clock stays right. */
export interface FakeClock {
  /** What the process must be started with. */
  readonly env: Readonly<Record<string, string>>;
  /** @param seconds from the right time; negative for the past */
  moveBy(seconds: number): void;
}

/** @returns what makes a clock for a process, from its name */
export async function fakeClocks(folder: string, say: Say): Promise<(name: string) => FakeClock> {
  const library = await findOrInstall(findLibrary, ['faketime'], say);
  return (name) => {
    const file = join(folder, `${name}.clock`);
    const moveBy = (seconds: number) => {
      // In one step: the process may read it at any time.
      writeFileSync(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
      renameSync(`${file}.new`, file);
    };
    moveBy(0);
    return {
      moveBy,
      env: {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_CACHE_DURATION: '1',
        DONT_FAKE_MONOTONIC: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    };
  };
}

/**
 * What a Redis must be started with to have this clock. Debian's takes its memory from jemalloc, which reads the clock as it begins,
 * when libfaketime is not ready. With libc before it, Redis takes its memory from there.
 */
export function envForRedis({ env }: FakeClock): Record<string, string> {
  const { LD_PRELOAD = '' } = env;
  const libc = join(dirname(LD_PRELOAD), '../libc.so.6');
  return { ...env, LD_PRELOAD: `${LD_PRELOAD}:${libc}`, FAKETIME_NO_CACHE: '1' };
}

const findLibrary = (): string | undefined =>
  versionsIn('/usr/lib', /-linux-gnu/)
    .map((folder) => join(folder, 'faketime/libfaketime.so.1'))
    .find((file) => existsSync(file));
