import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readlink, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';

/** Whether a path does not lie in a folder; both as they are, without links. */
export function isOutside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return isAbsolute(way) || way.split(sep)[0] === '..';
}

/** A folder that is open: what is done in it is done there, whatever its name leads to a moment later. */
export class OpenFolder {
  readonly #handle: FileHandle;
  /** By which it is reached. */
  readonly path: string;
  /** Where it lies, by the system's word. */
  readonly real: string;

  private constructor(handle: FileHandle, path: string, real: string) {
    this.#handle = handle;
    this.path = path;
    this.real = real;
  }

  static async open(path: string): Promise<OpenFolder> {
    const handle = await open(path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
    try {
      const opened = `/proc/self/fd/${handle.fd}`;
      const real = await readlink(opened).catch(() => undefined);
      // Elsewhere than on Linux the name is all that there is.
      return real === undefined
        ? new OpenFolder(handle, path, await realpath(path))
        : new OpenFolder(handle, opened, real);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The folder of this name in it, which is made unless it is there. */
  async within(name: string): Promise<OpenFolder> {
    const path = join(this.path, name);
    await mkdir(path, { recursive: true });
    return await OpenFolder.open(path);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
