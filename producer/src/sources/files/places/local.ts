import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { describeError, FatalError, RetryableError } from '@tributary/shared';
import { copyFile } from './copy.js';
import { compileGlob, type Glob, isTemporary } from './glob.js';
import { FileGone, type FilePlace, type FoundFile, type Listing, type OpenFile, type Trouble } from './place.js';

/** A folder of this machine. */
export class LocalPlace implements FilePlace {
  readonly shown: string;
  readonly #glob: Glob;
  readonly #moveTo: string | undefined;

  /** @param moveTo the folder where files go that were read */
  constructor(path: string, moveTo?: string) {
    this.#glob = compileGlob(path);
    this.shown = this.#glob.base;
    this.#moveTo = moveTo === undefined ? undefined : resolve(moveTo);
  }

  async list(signal: AbortSignal): Promise<Listing> {
    const files: FoundFile[] = [];
    const troubles: Trouble[] = [];
    const names = new Set<string>();
    await this.#walk('', { files, troubles, names }, signal);
    return { files, troubles, has: (name) => names.has(name) };
  }

  /** Folders that are links are not followed: one that leads to a folder above it would never end. */
  async #walk(
    folder: string,
    found: { files: FoundFile[]; troubles: Trouble[]; names: Set<string> },
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const entries = await readdir(join(this.#glob.base, folder), { withFileTypes: true }).catch((error: unknown) => {
      if (folder === '') throw folderFault(this.#glob.base, error);
      found.troubles.push({
        name: `${folder}/`,
        code: 'unreadable',
        reason: `the folder cannot be read: ${describeError(error)}`,
      });
      return [];
    });
    for (const entry of entries) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (this.#glob.goesInto(name) && resolve(this.#glob.base, name) !== this.#moveTo)
          await this.#walk(name, found, signal);
        continue;
      }
      found.names.add(name);
      if (!this.#glob.matches(name) || isTemporary(name)) continue;
      const trouble = (code: string, reason: string) => found.troubles.push({ name, code, reason });
      if (!entry.isFile() && !entry.isSymbolicLink()) {
        trouble('no_file', 'it is a pipe, a socket or a device, and no file: it is not opened');
        continue;
      }
      try {
        const { size, mtimeMs, ino, dev, isFile, isFolder } = await look(join(this.#glob.base, name));
        if (isFile) found.files.push({ name, size, modified: Math.floor(mtimeMs), tag: `${dev}-${ino}` });
        else if (isFolder)
          trouble('no_file', 'it is a link to a folder, which is not followed: name the folder itself');
        else trouble('no_file', 'it is a link to a pipe, a socket or a device, and no file: it is not opened');
      } catch (error) {
        // A file that went away between the listing and the look is none.
        if (codeOf(error) === 'ENOENT' && !entry.isSymbolicLink()) continue;
        const reason =
          codeOf(error) === 'ENOENT'
            ? 'it is a link to a file that is not there'
            : codeOf(error) === 'ELOOP'
              ? 'it is a link that leads back to itself'
              : describeError(error);
        trouble('unreadable', reason);
      }
    }
  }

  open(file: FoundFile): Promise<OpenFile> {
    return openLocal(join(this.#glob.base, file.name), file);
  }

  async move(file: FoundFile, marker: string | undefined, signal: AbortSignal): Promise<void> {
    if (this.#moveTo === undefined) return;
    const now = await look(join(this.#glob.base, file.name)).catch(() => undefined);
    const isStill =
      now?.size === file.size && Math.floor(now.mtimeMs) === file.modified && `${now.dev}-${now.ino}` === file.tag;
    if (!isStill) return;
    if (marker !== undefined) await this.#moveInto(this.#moveTo, `${file.name}${marker}`, signal);
    await this.#moveInto(this.#moveTo, file.name, signal);
  }

  async #moveInto(folder: string, name: string, signal: AbortSignal): Promise<void> {
    const from = join(this.#glob.base, name);
    const to = await freeName(join(folder, name));
    await mkdir(dirname(to), { recursive: true });
    try {
      await rename(from, to);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      // Another disk.
      if (codeOf(error) !== 'EXDEV') throw error;
      await copyFile(from, to, signal);
    }
  }

  async moved(): Promise<FilePlace | undefined> {
    if (this.#moveTo === undefined) return undefined;
    const isThere = await stat(this.#moveTo).then(
      (found) => found.isDirectory(),
      () => false,
    );
    return isThere ? new LocalPlace(join(this.#moveTo, '**')) : undefined;
  }
}

/**
 * Opens a file of this machine.
 * @throws FileGone if it is not there (any more), or cannot be read
 */
export async function openLocal(path: string, file: FoundFile): Promise<OpenFile> {
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

class OpenLocal implements OpenFile {
  readonly file: FoundFile;
  readonly #handle: FileHandle;
  readonly #path: string;

  constructor(handle: FileHandle, path: string, file: FoundFile) {
    this.#handle = handle;
    this.#path = path;
    this.file = file;
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

async function look(path: string) {
  const found = await stat(path);
  const { size, mtimeMs, ino, dev } = found;
  return { size, mtimeMs, ino, dev, isFile: found.isFile(), isFolder: found.isDirectory() };
}

/** A file that was moved there before under this name is kept. */
async function freeName(path: string): Promise<string> {
  for (let number = 1; ; number++) {
    const name = number === 1 ? path : `${path}.${number}`;
    const isTaken = await stat(name).then(
      () => true,
      () => false,
    );
    if (!isTaken) return name;
  }
}

function folderFault(folder: string, error: unknown): Error {
  const code = codeOf(error);
  if (code === 'ENOENT')
    return new RetryableError('folder_missing', `the folder ${folder} is not there`, { cause: error });
  if (code === 'ENOTDIR') return new FatalError('folder_missing', `${folder} is no folder`, { cause: error });
  if (code !== 'EACCES' && code !== 'EPERM')
    return new RetryableError('folder_unreadable', `the folder ${folder} cannot be read: ${describeError(error)}`, {
      cause: error,
    });
  return new FatalError(
    'folder_refused',
    `the folder ${folder} may not be read by this process: give its user the right to (chmod, chown)`,
    { cause: error },
  );
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);
