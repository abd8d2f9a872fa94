import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isRunning, thisProcess } from '@tributary/shared';

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
  const path = await mkdtemp(join(above, `${nameOf(id)}-${hostname()}.${thisProcess()}.`));
  const kept = join(above, nameOf(id));
  const left = (await readdir(above)).filter(isLeft);
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
    // Another reader of the same may give its own back in this moment, which is as good.
    await rm(kept, { recursive: true, force: true })
      .then(() => rename(path, kept))
      .catch(remove);
  };
  return { path, isKept, giveBack, remove };
}

const nameOf = (id: string | undefined): string => (id === undefined ? 'tributary-index' : `tributary-index-${id}`);

/** Whether the process that made a folder is gone. */
function isLeft(name: string): boolean {
  const [, host, maker = ''] = /^tributary-index-(?:[0-9a-f]{16}-)?(.+)\.(\d+(?:-[0-9a-f]+)?)\.[^.]+$/.exec(name) ?? [];
  return host === hostname() && !isRunning(maker);
}
