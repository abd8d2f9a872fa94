import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'tributary-index-';

/** Folders of this process. */
const own = new Set<string>();

/**
 * Makes a folder for one database, which no other user may look into, and removes those that processes of this machine left behind when they
 * were killed.
 * @param above where it is made
 */
export async function makeFolder(above: string): Promise<string> {
  await mkdir(above, { recursive: true });
  const names = await readdir(above);
  const left = names.map((name) => join(above, name)).filter((folder) => !own.has(folder) && isLeft(folder));
  // What cannot be removed is another user's.
  await Promise.all(left.map((folder) => rm(folder, { recursive: true, force: true }).catch(() => {})));
  const folder = await mkdtemp(join(above, `${PREFIX}${hostname()}.${process.pid}.`));
  own.add(folder);
  return folder;
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  own.delete(folder);
}

/** Whether the process that made the folder is gone. A container's processes may have the same number each time. */
function isLeft(folder: string): boolean {
  const [, host, pid] = /[/\\]tributary-index-(.+)\.(\d+)\.[^./\\]+$/.exec(folder) ?? [];
  if (host !== hostname()) return false;
  return Number(pid) === process.pid || !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
