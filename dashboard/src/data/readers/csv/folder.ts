import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isRunning } from '@tributary/shared';

/** The folder of one database: of this process alone as long as it runs, and of the next one if it is given back. */
export interface Folder {
  readonly path: string;
  /** Whether it comes from an earlier process. */
  readonly isKept: boolean;
  /** Leaves it to the next process. */
  giveBack(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * Takes the folder that an earlier process has left, or makes one, which no other user may look into. Of two processes that want the same,
 * one gets it: it is renamed, which only one can do.
 * @param above where it is
 * @param id what it belongs to, 16 hexadecimal digits; without it no other process gets the folder
 */
export async function takeFolder(above: string, id: string | undefined): Promise<Folder> {
  await mkdir(above, { recursive: true });
  const path = await mkdtemp(join(above, `${nameOf(id)}-${hostname()}.${process.pid}.`));
  const kept = join(above, nameOf(id));
  const left = [];
  for (const name of await readdir(above)) if (await isLeft(name, join(above, name))) left.push(name);
  // Of a process that was killed: what it has stored is whole.
  const own = left
    .filter((name) => id !== undefined && name.startsWith(`${nameOf(id)}-`))
    .map((name) => join(above, name));
  let isKept = false;
  for (const source of id === undefined ? [] : [kept, ...own]) {
    // An empty folder is replaced by what is renamed to it.
    isKept ||= await rename(source, path).then(
      () => true,
      () => false,
    );
  }
  // What cannot be removed is another user's.
  for (const name of left) await rm(join(above, name), { recursive: true, force: true }).catch(() => {});
  const remove = () => rm(path, { recursive: true, force: true });
  const giveBack = async () => {
    if (id === undefined) return await remove();
    await rm(kept, { recursive: true, force: true });
    await rename(path, kept);
  };
  return { path, isKept, giveBack, remove };
}

const nameOf = (id: string | undefined): string => (id === undefined ? 'tributary-index' : `tributary-index-${id}`);

/** Whether the process that made a folder is gone. A container's processes may have the same number each time. */
async function isLeft(name: string, folder: string): Promise<boolean> {
  const [, host, pid] = /^tributary-index-(?:[0-9a-f]{16}-)?(.+)\.(\d+)\.[^.]+$/.exec(name) ?? [];
  if (host !== hostname()) return false;
  if (Number(pid) !== process.pid) return !isRunning(Number(pid));
  const made = await stat(folder).then(
    ({ birthtimeMs }) => birthtimeMs,
    () => Number.POSITIVE_INFINITY,
  );
  return made < Date.now() - process.uptime() * 1_000 - 1_000;
}
