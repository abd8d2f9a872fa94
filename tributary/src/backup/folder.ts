import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { BackupFolder, FatalError, isRunning, readText, replaceFile, syncFolder, thisProcess } from '@tributary/shared';
import { MANIFEST, type Manifest } from './manifest.js';

/** Says in the folder of a backup that is not at its end who makes it. */
const MAKER = 'being-made';

/**
 * Makes a folder beside the one that a backup is to have: it gets its name when it is whole, so what died half-way is never taken for one. What died
 * is removed by the next backup of the same name.
 * @throws FatalError if the folder holds something, or another process makes a backup there
 */
export async function beginFolder(folder: string): Promise<BackupFolder> {
  const to = resolve(folder);
  if (existsSync(to) && (await readdir(to)).length > 0)
    throw new FatalError(
      'backup_exists',
      `${to} holds something already: name a new folder, such as one with the date in its name`,
    );
  const making = unfinishedOf(to);
  await mkdir(dirname(to), { recursive: true });
  await removeDead(making);
  await mkdir(making, { mode: 0o700 });
  await writeFile(join(making, MAKER), `${thisProcess()} ${hostname()}`, { mode: 0o600 });
  return new BackupFolder(making);
}

const unfinishedOf = (to: string): string => `${to}.unfinished`;

async function removeDead(making: string): Promise<void> {
  if (!existsSync(making)) return;
  const told = await readText(join(making, MAKER)).catch(() => '');
  const [maker = '', host = ''] = told.split(' ');
  const lives = host !== '' && (host !== hostname() || isRunning(maker));
  if (lives)
    throw new FatalError(
      'backup_under_way',
      `process ${Number.parseInt(maker, 10)} on ${host} makes a backup in ${making}: wait for it, or remove that folder if it has died`,
    );
  await rm(making, { recursive: true, force: true });
}

/** Writes the manifest, and gives the folder its name. */
export async function endFolder(into: BackupFolder, folder: string, manifest: Omit<Manifest, 'files'>): Promise<void> {
  const to = resolve(folder);
  const { files } = into;
  const whole: Manifest = { ...manifest, files };
  await into.sync();
  await replaceFile(join(into.root, MANIFEST), `${JSON.stringify(whole, undefined, 2)}\n`, 0o600);
  await rm(join(into.root, MAKER));
  await rename(into.root, to);
  await syncFolder(dirname(to));
}

/** Of a backup that failed. */
export const abandonFolder = (into: BackupFolder): Promise<void> => rm(into.root, { recursive: true, force: true });
