import { constants } from 'node:fs';
import { type FileHandle, open, readlink, stat } from 'node:fs/promises';
import { describeError } from '@tributary/shared';
import { FileGone, type FoundFile, type OpenFile } from './place.js';

/**
 * Opens a file of this machine.
 * @throws FileGone if it is not there (any more), or cannot be read
 */
export async function openLocal(path: string, file: FoundFile): Promise<OpenLocal> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK, a pipe that was put in the place of the file would hold the process until something is written into it.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const isGone = codeOf(error) === 'ENOENT';
    const reason = isGone ? 'it has gone since the folder was listed' : `it cannot be opened: ${describeError(error)}`;
    throw new FileGone(isGone ? 'gone' : 'unreadable', reason, error);
  }
  const opened = await handle.stat();
  if (!opened.isFile()) {
    await handle.close();
    throw new FileGone('no_file', 'a pipe, a socket or a device was put in its place: it is not read');
  }
  return new OpenLocal(handle, path, {
    ...file,
    size: opened.size,
    modified: Math.floor(opened.mtimeMs),
    tag: `${opened.dev}-${opened.ino}`,
  });
}

/** A file of this machine that is open. */
export class OpenLocal implements OpenFile {
  readonly file: FoundFile;
  readonly #handle: FileHandle;
  readonly #path: string;

  constructor(handle: FileHandle, path: string, file: FoundFile) {
    this.#handle = handle;
    this.#path = path;
    this.file = file;
  }

  /** Where it lies, by the system's word and whatever its name leads to now; undefined where the system does not tell. */
  async where(): Promise<string | undefined> {
    return await readlink(`/proc/self/fd/${this.#handle.fd}`).catch(() => undefined);
  }

  async read(offset: number, length: number, signal: AbortSignal): Promise<Buffer> {
    signal.throwIfAborted();
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(buffer, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  }

  async changed(): Promise<string | undefined> {
    const { size, modified, tag } = this.file;
    const now = await this.#handle.stat();
    if (now.size < size) return `it shrank from ${size} to ${now.size} bytes while it was read`;
    if (now.size > size || Math.floor(now.mtimeMs) !== modified) return 'it was written to while it was read';
    const there = await stat(this.#path).catch(() => undefined);
    if (there === undefined) return 'it was removed while it was read';
    return `${there.dev}-${there.ino}` === tag ? undefined : 'another file was put in its place while it was read';
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

export const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);
