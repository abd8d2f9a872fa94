import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Elsewhere than on POSIX there are no such pipes. */
const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants;

/**
 * Opens a file for reading. Who may write into its folder can put a pipe in its place: without O_NONBLOCK, to open that would hold one of Node's
 * four threads for ever, and a device may have no end.
 * @param follows false: a link is refused, wherever it leads
 * @throws Error as `open` does, and for what is no file
 */
export async function openFile(path: string, follows = true): Promise<FileHandle> {
  const file = await open(path, O_RDONLY | O_NONBLOCK | (follows ? 0 : O_NOFOLLOW));
  const found = await file.stat();
  // To read a folder throws, and says so.
  if (found.isFile() || found.isDirectory()) return file;
  await file.close();
  throw new Error(`${path} is a pipe, a socket or a device, and no file: it is not read`);
}

/** All that a file holds. @throws Error as {@link openFile} */
export async function readWhole(path: string): Promise<Buffer> {
  const file = await openFile(path);
  return await file.readFile().finally(() => file.close());
}

/** The same as text in UTF-8. */
export const readText = async (path: string): Promise<string> => (await readWhole(path)).toString('utf8');
