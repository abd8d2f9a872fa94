import { lstat, mkdir, readdir, realpath, rename, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { describeError, FatalError, RetryableError } from '@tributary/shared';
import { copyFile } from './copy.js';
import { isOutside, OpenFolder } from './folder.js';
import { compileGlob, type Glob, isTemporary } from './glob.js';
import { codeOf, type OpenLocal, openLocal } from './open-local.js';
import { FileGone, type FilePlace, type FoundFile, type Listing, type OpenFile, type Trouble } from './place.js';

/** Where the files of an endpoint may lie. */
export interface LocalOptions {
  /** The folder where files go that were read; undefined if they stay. */
  readonly moveTo?: string | undefined;
  /** Whether a link may lead to a file elsewhere on this machine. */
  readonly followsLinksOut: boolean;
  /** The folder in which the one of the files lies, where who may write into that could put a link in its place. */
  readonly within?: string | undefined;
}

const LEADS_OUT =
  'it is a link that leads out of the folder, and is not read: put the file itself there, or set followLinks: true';

/** A folder of this machine. */
export class LocalPlace implements FilePlace {
  readonly shown: string;
  readonly #glob: Glob;
  readonly #moveTo: string | undefined;
  readonly #followsLinksOut: boolean;
  readonly #within: string | undefined;

  constructor(path: string, { moveTo, followsLinksOut, within }: LocalOptions) {
    this.#glob = compileGlob(path);
    this.shown = this.#glob.base;
    this.#moveTo = moveTo === undefined ? undefined : resolve(moveTo);
    this.#followsLinksOut = followsLinksOut;
    this.#within = within;
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
        if (entry.isSymbolicLink() && (await this.#leadsOut(name))) trouble('link_outside', LEADS_OUT);
        else if (isFile) found.files.push({ name, size, modified: Math.floor(mtimeMs), tag: `${dev}-${ino}` });
        else if (isFolder)
          trouble('no_file', 'it is a link to a folder, which is not followed: name the folder itself');
        else trouble('no_file', 'it is a link to a pipe, a socket or a device, and no file: it is not opened');
      } catch (error) {
        if (codeOf(error) === 'ENOENT' && name.includes('\ufffd')) {
          trouble(
            'strange_name',
            'its name is not UTF-8, so that it cannot be opened: rename it (convmv does it for many)',
          );
          continue;
        }
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

  async open(file: FoundFile): Promise<OpenFile> {
    const opened = await openLocal(join(this.#glob.base, file.name), file);
    try {
      await this.#checkOpened(file.name, opened);
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /**
   * A link may have been put in the place of a file since the folder was listed, and may be taken away again at once: what counts is where
   * the file lies that was opened, which is not asked by its name.
   * @throws FileGone if the file that was opened is not the one that the name leads to now, or is none that may be read
   */
  async #checkOpened(name: string, opened: OpenLocal): Promise<void> {
    if (this.#followsLinksOut) return;
    let isSame: boolean;
    let isOutside: boolean;
    try {
      const path = join(this.#glob.base, name);
      const at = (await opened.where()) ?? (await realpath(path));
      isOutside = await this.#isOutside(at);
      const tags = [await lstat(at), await look(path)].map(({ dev, ino }) => `${dev}-${ino}`);
      isSame = tags.every((tag) => tag === opened.file.tag);
    } catch (error) {
      throw new FileGone('gone', 'it has gone since the folder was listed', error);
    }
    if (isOutside) throw new FileGone('link_outside', LEADS_OUT);
    if (!isSame) throw new FileGone('changed', 'it was replaced when it was opened; the next poll looks again');
  }

  /** Whether a name leads to a file elsewhere on this machine, and must not: a program that may write into the folder could have any file read. */
  async #leadsOut(name: string): Promise<boolean> {
    if (this.#followsLinksOut) return false;
    return await this.#isOutside(await realpath(join(this.#glob.base, name)));
  }

  async #isOutside(target: string): Promise<boolean> {
    const folders = [this.#glob.base, ...(this.#within === undefined ? [] : [this.#within])];
    for (const folder of folders) if (isOutside(await realpath(folder), target)) return true;
    return false;
  }

  async move(file: FoundFile, marker: string | undefined, signal: AbortSignal): Promise<void> {
    if (this.#moveTo === undefined) return;
    const from = await OpenFolder.open(dirname(join(this.#glob.base, file.name))).catch(() => undefined);
    if (from === undefined) return;
    try {
      const now = await look(join(from.path, basename(file.name))).catch(() => undefined);
      const isStill =
        now?.size === file.size && Math.floor(now.mtimeMs) === file.modified && `${now.dev}-${now.ino}` === file.tag;
      if (!isStill || (!this.#followsLinksOut && (await this.#isOutside(from.real)))) return;
      const to = await this.#folderIn(this.#moveTo, dirname(file.name));
      try {
        if (marker !== undefined) await moveInto(from, to, `${basename(file.name)}${marker}`, undefined, signal);
        await moveInto(from, to, basename(file.name), file.tag, signal);
      } finally {
        await to.close();
      }
    } finally {
      await from.close();
    }
  }

  /**
   * The folder for what is moved, which is made unless it is there. A link may have been put in its place, or in that of a folder in it.
   * @throws Error if it leads out of where it belongs
   */
  async #folderIn(moveTo: string, name: string): Promise<OpenFolder> {
    await mkdir(moveTo, { recursive: true });
    let folder = await OpenFolder.open(moveTo);
    const root = folder.real;
    try {
      await this.#refuseOut(folder, root);
      for (const part of name.split('/').filter((one) => one !== '.')) {
        const above = folder;
        folder = await above.within(part).finally(() => above.close());
        await this.#refuseOut(folder, root);
      }
      return folder;
    } catch (error) {
      await folder.close().catch(() => {});
      throw error;
    }
  }

  /** The folder may be a link that a person has made, unless it lies where the files come from: there others may have made it. */
  async #refuseOut({ real }: OpenFolder, root: string): Promise<void> {
    if (this.#followsLinksOut) return;
    const base = this.#withinBase() ? [await realpath(this.#glob.base)] : [];
    if ([root, ...base].some((one) => isOutside(one, real)))
      throw new Error('a link leads out of the folder for it: remove the link, or set followLinks: true');
  }

  /** Whether what is moved goes to a folder among the files that are read. */
  #withinBase(): boolean {
    return this.#moveTo !== undefined && !isOutside(this.#glob.base, this.#moveTo);
  }

  async moved(): Promise<FilePlace | undefined> {
    if (this.#moveTo === undefined) return undefined;
    const isThere = await stat(this.#moveTo).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isThere) return undefined;
    const within = this.#withinBase() ? this.#glob.base : undefined;
    return new LocalPlace(join(this.#moveTo, '**'), { followsLinksOut: this.#followsLinksOut, within });
  }
}

async function moveInto(
  from: OpenFolder,
  to: OpenFolder,
  name: string,
  tag: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const [source, target] = [join(from.path, name), await freeName(join(to.path, name))];
  try {
    await rename(source, target);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    // Another disk.
    if (codeOf(error) !== 'EXDEV') throw error;
    await copyFile(source, target, tag, signal);
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
