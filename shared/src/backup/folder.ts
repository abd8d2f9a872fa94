import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { FatalError } from '../errors.js';
import { openFile } from '../service/read-file.js';
import { syncFolder } from '../service/replace-file.js';

/** A file of a backup as its manifest names it. */
export interface CopiedFile {
  /** Below the backup's folder, with slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

type Content = string | Uint8Array | AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;

/** Files that are synced at once. */
const TOGETHER = 32;

/** Bytes that are read at once. */
const CHUNK = 1024 * 1024;

/** The folder of a backup that is being made. What is in it is for its owner alone. */
export class BackupFolder {
  readonly root: string;
  readonly #files = new Map<string, CopiedFile>();

  constructor(root: string) {
    this.root = root;
  }

  get files(): readonly CopiedFile[] {
    return [...this.#files.values()];
  }

  /** Writes a file, in the place of one of this name that was added before. */
  async add(path: string, content: Content): Promise<CopiedFile> {
    const to = join(this.root, path);
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    const file = await open(to, 'w', 0o600);
    try {
      const written = await writeAll(file, content);
      const added = { path, ...written };
      this.#files.set(path, added);
      return added;
    } finally {
      await file.close();
    }
  }

  /** Makes all files and their names durable. Some at a time, which takes the disk half as long. */
  async sync(): Promise<void> {
    const folders = new Set(['.']);
    const paths = [...this.#files.keys()];
    for (const path of paths)
      for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
    for (let from = 0; from < paths.length; from += TOGETHER)
      await Promise.all(paths.slice(from, from + TOGETHER).map((path) => syncFile(join(this.root, path))));
    for (const folder of folders) await syncFolder(join(this.root, folder));
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.datasync().finally(() => file.close());
}

/** Where a backup is read from: the files that its manifest names, and no others. */
export class BackupFiles {
  readonly root: string;
  readonly #files: ReadonlyMap<string, CopiedFile>;

  /** @throws FatalError for a name that leads out of the folder, or that no file can have */
  constructor(root: string, files: readonly CopiedFile[]) {
    const outside = files.find(({ path }) => isAbsolute(path) || normalize(path) !== path || path.startsWith('..'));
    if (outside !== undefined)
      throw new FatalError('backup_damaged', `the manifest of the backup names a file outside of it: ${outside.path}`);
    const folders = new Set(files.flatMap(({ path }) => foldersOf(path)));
    const wrong = files.find(({ path }) => /^\.?$|\/$|\0/.test(path) || folders.has(path));
    if (wrong !== undefined)
      throw new FatalError('backup_damaged', `the manifest of the backup names what is no file: ${wrong.path}`);
    this.root = root;
    this.#files = new Map(files.map((file) => [file.path, file]));
  }

  /** Those whose path begins so. */
  under(beginning: string): CopiedFile[] {
    return [...this.#files.values()].filter(({ path }) => path.startsWith(beginning));
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  /** @throws FatalError for a file that the manifest does not name */
  read(path: string): AsyncIterable<Buffer> {
    if (!this.#files.has(path))
      throw new FatalError('backup_damaged', `the manifest of the backup names no file ${path}`);
    return this.#contentOf(path);
  }

  /** Neither a link nor what lies behind one is read: it would put a file of somebody else into the output. */
  async *#contentOf(path: string): AsyncGenerator<Buffer, void, undefined> {
    const [root, at] = await Promise.all([realpath(this.root), realpath(join(this.root, path))]);
    if (at !== join(root, path)) throw new Error(`it is a link, or lies behind one, which leads to ${at}`);
    const file = await openFile(at, false);
    try {
      yield* file.createReadStream({ highWaterMark: CHUNK, autoClose: false });
    } finally {
      await file.close();
    }
  }

  /**
   * @param beginning of the paths that are looked at; all of them unless given
   * @throws FatalError for the first file that is not as it was written
   */
  async verify(signal: AbortSignal, beginning = ''): Promise<void> {
    for (const { path, bytes, sha256 } of this.under(beginning)) {
      signal.throwIfAborted();
      const found = await this.#hashOf(path);
      if (found.bytes === bytes && found.sha256 === sha256) continue;
      const what = found.bytes === bytes ? 'holds something else' : `has ${found.bytes} bytes and not ${bytes}`;
      throw new FatalError(
        'backup_damaged',
        `the backup is damaged: ${join(this.root, path)} ${what}; nothing was done`,
      );
    }
  }

  async #hashOf(path: string): Promise<Omit<CopiedFile, 'path'>> {
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      for await (const chunk of this.read(path)) {
        hash.update(chunk);
        bytes += chunk.length;
      }
    } catch (cause) {
      const message = `the backup is damaged: ${join(this.root, path)} cannot be read; nothing was done`;
      throw new FatalError('backup_damaged', message, { cause });
    }
    return { bytes, sha256: hash.digest('hex') };
  }
}

function foldersOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_part, index) => parts.slice(0, index + 1).join('/'));
}

async function writeAll(file: FileHandle, content: Content): Promise<Omit<CopiedFile, 'path'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  const chunks = typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
  for await (const chunk of chunks) {
    const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    hash.update(buffer);
    bytes += buffer.length;
    await file.writeFile(buffer);
  }
  return { bytes, sha256: hash.digest('hex') };
}
