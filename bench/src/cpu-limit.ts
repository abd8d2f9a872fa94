import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReleaseList } from '@tributary/shared';
import { LeftOut } from './figure.js';

/** Where the kernel limits CPU time: control groups of version 1, or of version 2 (cgroups(7)). */
const VERSION_1 = '/sys/fs/cgroup/cpu';
const VERSION_2 = '/sys/fs/cgroup';

/** Microseconds. A limit holds for each of these: long ones would let a process run freely and then stand still. */
const PERIOD = 20_000;

/**
 * Lets a process with all its threads use so much of one core at most, as on a small machine.
 * @param share of a core
 * @throws LeftOut where control groups cannot be made
 */
export function limitCpu(pid: number, share: number, release: ReleaseList): void {
  const isFirst = existsSync(join(VERSION_1, 'cpu.cfs_quota_us'));
  const group = join(isFirst ? VERSION_1 : VERSION_2, `tributary-bench-${pid}`);
  const quota = Math.round(PERIOD * share);
  try {
    mkdirSync(group);
    // It can be removed when its processes have ended.
    release.add(`the control group ${group}`, () => rmdirSync(group));
    if (isFirst) {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quota));
    } else {
      writeFileSync(join(group, 'cpu.max'), `${quota} ${PERIOD}`);
    }
    writeFileSync(join(group, 'cgroup.procs'), String(pid));
  } catch (error) {
    throw new LeftOut(`the kernel does not limit the CPU time here: ${(error as Error).message}`);
  }
}
