import { randomBytes } from 'node:crypto';
import { open, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export const random = (): string => randomBytes(8).toString('hex');

/**
 * Puts a file with this content at a path, in one step, whether or not there was a file: a crash leaves the one or the other. What it is written
 * to beside the path is made anew under a name that nobody can guess: who else may write into the folder could otherwise put a link there, and
 * have another file overwritten.
 * @param mode of the file, less the umask
 */
export async function replaceFile(path: string, content: string | Uint8Array, mode = 0o666): Promise<void> {
  const temporary = `${path}-${random()}`;
  try {
    await writeFile(temporary, content, { flag: 'wx', mode, flush: true });
    await rename(temporary, path);
  } catch (error) {
    // On a full disk each retry would leave another file.
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}

/** File systems that cannot sync a folder keep names by themselves. */
const NO_FOLDER_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR', 'EBADF']);

/** Makes a new name, or a rename, as durable as the file itself. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder
    .sync()
    .catch((error: NodeJS.ErrnoException) => {
      if (!NO_FOLDER_SYNC.has(error.code ?? '')) throw error;
    })
    .finally(() => folder.close());
}
