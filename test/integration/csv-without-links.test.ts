import { execFileSync } from 'node:child_process';
import { existsSync, linkSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeSink } from '../../consumer/test/sinks/conformance.js';
import { csvStore } from '../../consumer/test/sinks/csv-store.js';
import { findOrInstall } from '../services/apt.js';
import { onPath } from '../services/binaries.js';
import { sayOnConsole } from '../services/handle.js';

const run = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' }).trim();

/** Only root on Linux may mount a disk of its own; in some containers not even root has FUSE and loop devices. */
const canMount =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  existsSync('/dev/fuse') &&
  existsSync('/dev/loop-control') &&
  onPath('losetup') !== undefined;

describe.skipIf(!canMount)('a disk with exFAT (needs root on Linux, FUSE and loop devices)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-exfat-'));
  const image = `${folder}.img`;
  let device: string | undefined;

  beforeAll(async () => {
    const find = () => (onPath('mkfs.exfat') === undefined ? undefined : onPath('mount.exfat-fuse'));
    const mount = await findOrInstall(find, ['exfat-fuse', 'exfatprogs'], sayOnConsole);
    writeFileSync(image, '');
    truncateSync(image, 64 * 1024 * 1024);
    run('mkfs.exfat', image);
    device = run('losetup', '-f', '--show', image);
    run(mount, device, folder);
  });
  afterAll(() => {
    if (device !== undefined) {
      run('umount', '-l', folder);
      run('losetup', '-d', device);
    }
    rmSync(image, { force: true });
    rmSync(folder, { recursive: true, force: true });
  });

  test('has no hard links, and names that differ in case are one', () => {
    const path = join(folder, 'a');
    writeFileSync(path, '');
    expect(() => linkSync(path, join(folder, 'b'))).toThrow('EPERM');
    expect(existsSync(join(folder, 'A'))).toBe(true);
  });

  describeSink('CSV, without hard links,', () => csvStore({}, [], folder));
});
