import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readText, syncFolder } from '@tributary/shared';

// Steps on files that several processes may take at once, and whose effect outlives a loss of power. None needs hard links:
// some network file systems, Windows shares and FAT have none.

const THERE = new Set(['EEXIST', 'ENOTEMPTY', 'ENOTDIR']);
/** Windows shares refuse to rename a folder onto another one with these. */
const PERHAPS_THERE = new Set(['EPERM', 'EACCES', 'EBUSY']);

/**
 * Gives a folder that is not empty its final name, with all that is in it, in one step. Of several processes that give the same
 * name, one succeeds, because no folder can be renamed onto one that is not empty.
 * @returns false if the name is taken
 */
export async function publishFolder(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (THERE.has(code) || (PERHAPS_THERE.has(code) && (await statIfThere(to)) !== undefined)) return false;
    throw error;
  }
  await syncFolder(dirname(to));
  return true;
}

/** Removes a folder of files, if it is there. */
export async function removeFolder(path: string): Promise<void> {
  const names = (await readdir(path).catch(ignoreMissing)) ?? [];
  for (const name of names) await unlinkIfThere(join(path, name));
  await rmdir(path).catch(ignoreMissing);
}

/** @returns false if it was not there */
export const unlinkIfThere = (path: string): Promise<boolean> =>
  unlink(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => ignoreMissing(error) ?? false,
  );

export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

export const readIfThere = (path: string): Promise<string | undefined> => readText(path).catch(ignoreMissing);
export const statIfThere = (path: string) => stat(path).catch(ignoreMissing);

/** The path of a file whose folder is there, or is made now. */
export async function withFolder(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  return path;
}

/** The first bytes of a file, in pieces: fewer if it is shorter. */
export async function* beginningOf(path: string, size: number): AsyncGenerator<Buffer, void, undefined> {
  if (size === 0) return;
  for await (const chunk of createReadStream(path, { end: size - 1, highWaterMark: 1024 * 1024 }))
    yield chunk as Buffer;
}

/** SHA-256 of the first bytes of a file. */
export async function hashOfFile(path: string, size: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of beginningOf(path, size)) hash.update(chunk);
  return hash.digest('hex');
}
