import { randomBytes } from 'node:crypto';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

// Steps on files that several processes may take at once, and whose effect outlives a loss of power.

export const random = (): string => randomBytes(8).toString('hex');

/** Puts a file with this content at a path, in one step, whether or not there was a file. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}-${random()}`;
  await writeFile(temporary, content, { flush: true });
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Makes a new name, or a rename, as durable as the file itself. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

/** @returns false if the action failed because the file that it makes is there already */
export async function unlessThere(action: Promise<unknown>): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

export const readIfThere = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(ignoreMissing);
export const statIfThere = (path: string) => stat(path).catch(ignoreMissing);
