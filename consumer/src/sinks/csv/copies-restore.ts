import { createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type BackupFiles, FatalError, replaceFile, syncFolder } from '@tributary/shared';
import { OUTPUT } from '../copies/port.js';
import { ignoreMissing, readIfThere, statIfThere } from './files.js';

/**
 * What a restore keeps in the output's folder until all is there:
 *
 *     .restoring/backup    names the backup
 *     .restoring/files/    what is copied, before it gets its place
 *     .restoring/copied    all of it is copied
 */
const FOLDER = '.restoring';

const nameIn = (directory: string): string => join(directory, FOLDER, 'backup');

/** Which backup is being put back. */
export async function restoringCsv(directory: string): Promise<string | undefined> {
  await refuseLink(join(directory, FOLDER));
  return await readIfThere(nameIn(directory));
}

/** @throws FatalError while a backup is being put back here, for what would begin with half of it */
export async function refuseHalfRestored(directory: string): Promise<void> {
  if ((await statIfThere(nameIn(directory))) === undefined) return;
  throw new FatalError(
    'restore_under_way',
    `a restore into ${directory} has begun and not ended: run npx tributary restore once more, with the same folder`,
  );
}

/** What a file system puts into a folder that is empty, and what a restore puts aside. */
const NOTHING = /^(lost\+found|\.restoring|\.replaced-.*)$/;

/** @throws FatalError for a backup with files that have names of a restore's own: no backup of ours has any */
export function checkNames(from: BackupFiles): void {
  const own = from.under(OUTPUT).find(({ path }) => NOTHING.test(path.slice(OUTPUT.length).split('/')[0] ?? ''));
  if (own === undefined) return;
  const message = `the backup is damaged: its manifest names ${own.path}, which a restore keeps for itself; nothing was done`;
  throw new FatalError('backup_damaged', message);
}

/** @throws FatalError for a link, which may lead into a folder of somebody else */
async function refuseLink(path: string): Promise<void> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found?.isSymbolicLink() !== true) return;
  throw new FatalError('restore_link', `${path} is a link, which a restore does not follow: remove it, and try again`);
}

/** What lies in the folder, but for what belongs to a restore, and what a consumer leaves that has only tried whether it could write. */
export async function entriesOf(directory: string): Promise<string[]> {
  const entries = ((await readdir(directory).catch(ignoreMissing)) ?? []).filter((name) => !NOTHING.test(name));
  const own = entries.includes(OWN) ? await readdir(join(directory, OWN)).catch(ignoreMissing) : undefined;
  return own?.every((name) => TRIED.test(name)) === true ? entries.filter((name) => name !== OWN) : entries;
}

/** The folder beside the datasets, and what is in it while a consumer waits. */
const OWN = '.tributary';
const TRIED = /^(probe-.*|running)$/;

/**
 * Copies first, and then gives each folder its place. The output may be the root of a file system, so it is not replaced as a whole. If it dies
 * before all is copied, it is copied anew; afterwards the rest gets its place.
 */
export async function restoreCsv(
  directory: string,
  from: BackupFiles,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  checkNames(from);
  const files = join(directory, FOLDER, 'files');
  const copied = join(directory, FOLDER, 'copied');
  if ((await restoringCsv(directory)) !== name || (await statIfThere(copied)) === undefined) {
    await rm(join(directory, FOLDER), { recursive: true, force: true });
    await mkdir(files, { recursive: true });
    await replaceFile(nameIn(directory), name);
    const folders = new Set<string>([files]);
    for (const { path } of from.under(OUTPUT)) {
      signal.throwIfAborted();
      const to = join(files, path.slice(OUTPUT.length));
      for (let folder = dirname(to); folder.length > files.length; folder = dirname(folder)) folders.add(folder);
      await mkdir(dirname(to), { recursive: true });
      await pipeline(from.read(path), createWriteStream(to, { flags: 'wx', flush: true }));
    }
    for (const folder of folders) await syncFolder(folder);
    await replaceFile(copied, '');
  }
  for (const entry of await readdir(files)) await place(join(files, entry), join(directory, entry));
  await syncFolder(directory);
}

/** Gives a file or a folder its place. A consumer that waits may have made the folder of that name, and try in it whether it could write. */
async function place(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    for (const entry of await readdir(from)) await place(join(from, entry), join(to, entry));
    await syncFolder(to);
  }
}

export async function setCsvAside(directory: string, name: string): Promise<string> {
  const aside = join(directory, `.replaced-${name}`);
  await refuseLink(aside);
  await mkdir(aside, { recursive: true });
  for (const entry of await entriesOf(directory)) await rename(join(directory, entry), join(aside, entry));
  await rm(join(directory, FOLDER), { recursive: true, force: true });
  await syncFolder(directory);
  return aside;
}

export async function endCsv(directory: string): Promise<void> {
  await refuseLink(join(directory, FOLDER));
  // Its name first: what is left of the folder after a death says nothing.
  await rm(nameIn(directory), { force: true });
  await rm(join(directory, FOLDER), { recursive: true, force: true });
}
