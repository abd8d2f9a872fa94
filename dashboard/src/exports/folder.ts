import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isRunning, thisProcess } from '@tributary/shared';

const NAME = /^tributary-export-(.+)\.(\d+(?:-[0-9a-f]+)?)\.[^.]+$/;

/**
 * Makes a folder for the files of one run, and removes those that processes of this machine left behind when they were killed.
 * @param above where it is made
 */
export async function makeFolder(above: string): Promise<string> {
  await mkdir(above, { recursive: true });
  for (const name of await readdir(above)) {
    const [, host, maker = ''] = NAME.exec(name) ?? [];
    if (host !== hostname() || isRunning(maker)) continue;
    // What cannot be removed is another user's.
    await rm(join(above, name), { recursive: true, force: true }).catch(() => {});
  }
  return await mkdtemp(join(above, `tributary-export-${hostname()}.${thisProcess()}.`));
}
