import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/**
 * Makes a folder for one database, which no other user may look into, and removes those that processes of this machine left behind when they
 * were killed.
 * @param above where it is made
 */
export async function makeFolder(above: string): Promise<string> {
  await mkdir(above, { recursive: true });
  for (const name of await readdir(above)) {
    const folder = join(above, name);
    // What cannot be removed is another user's.
    if (await isLeft(name, folder)) await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
  return await mkdtemp(join(above, `tributary-index-${hostname()}.${process.pid}.`));
}

/** Whether the process that made a folder is gone. A container's processes may have the same number each time. */
async function isLeft(name: string, folder: string): Promise<boolean> {
  const [, host, pid] = /^tributary-index-(.+)\.(\d+)\.[^.]+$/.exec(name) ?? [];
  if (host !== hostname()) return false;
  if (Number(pid) !== process.pid) return !isRunning(Number(pid));
  const made = await stat(folder).then(
    ({ birthtimeMs }) => birthtimeMs,
    () => Number.POSITIVE_INFINITY,
  );
  return made < Date.now() - process.uptime() * 1_000 - 1_000;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
