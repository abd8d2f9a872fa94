import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { thisProcess } from '@tributary/shared';
import { expect, onTestFinished, test } from 'vitest';
import { beginFolder } from '../../src/backup/folder.js';

/** The folder of a backup that was begun, as this one tells. */
async function begun(maker: string): Promise<string> {
  const above = await mkdtemp(join(tmpdir(), 'begun-'));
  onTestFinished(() => rm(above, { recursive: true }));
  const making = join(above, 'backup.unfinished');
  await mkdir(making);
  await writeFile(join(making, 'being-made'), maker);
  await writeFile(join(making, 'half'), 'x');
  return join(above, 'backup');
}

test.each([
  ['whose process is gone', `999999999 ${hostname()}`],
  [
    'whose process had the number of this one, in a container that was started again since',
    `${process.pid}-0123456789ab ${hostname()}`,
  ],
  ['that died before it said who makes it', ''],
])('a backup %s gives way to the next one', async (_, maker) => {
  const folder = await begun(maker);
  const { root } = await beginFolder(folder);
  expect(existsSync(join(root, 'half'))).toBe(false);
});

test.each([
  ['this process', `${thisProcess()} ${hostname()}`],
  ['a process of this machine', `${process.ppid} ${hostname()}`],
  ['another machine', '999999999 elsewhere'],
])('a backup that %s makes is left alone', async (_, maker) => {
  const folder = await begun(maker);
  await expect(beginFolder(folder)).rejects.toMatchObject({ code: 'backup_under_way' });
  expect(existsSync(join(`${folder}.unfinished`, 'half'))).toBe(true);
});
