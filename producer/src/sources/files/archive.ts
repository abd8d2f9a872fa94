import { mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  type Bucket,
  bucketIn,
  describeError,
  type EndpointOf,
  isS3,
  openFile,
  RetryableError,
} from '@tributary/shared';
import { RawBytes } from './bytes.js';
import { writeNew, writeWhole } from './places/copy.js';
import { isOutside, OpenFolder } from './places/folder.js';
import { compileGlob } from './places/glob.js';
import { codeOf, openLocal } from './places/open-local.js';
import { FileGone, type FoundFile, type OpenFile } from './places/place.js';
import { NotThere, Refused, type S3 } from './places/s3-client.js';
import { OpenObject } from './places/s3-object.js';

/** A copy of a file as it came. */
export interface Archived {
  readonly at: string;
  readonly sha256: string;
}

/** Keeps raw files unchanged, each with its hash in a file beside it. */
export interface Archive {
  /**
   * Returns when the copy is durable. One that is there already is left as it is; another file of the same name gets its hash in its name.
   * @param now milliseconds since the epoch
   * @throws RetryableError if it cannot be written: nothing of the file is read then
   */
  keep(opened: OpenFile, now: number, signal: AbortSignal): Promise<Archived>;
  /**
   * Opens the copy of a file, as the file that it was.
   * @throws FileGone if it is not there or cannot be read
   */
  open(at: string, file: FoundFile, signal: AbortSignal): Promise<OpenFile>;
}

export function archiveOf({ archive, path, followLinks }: EndpointOf<'files'>, s3: () => S3): Archive | undefined {
  if (archive === undefined) return undefined;
  const base = isS3(path) || followLinks ? undefined : compileGlob(path).base;
  return new CheckedArchive(archive, isS3(archive) ? new S3Shelf(s3()) : new LocalShelf(base));
}

/** Where copies lie. */
interface Shelf {
  /** Makes the folder of copies, where there are folders. */
  make?(folder: string): Promise<void>;
  /** The hash that was noted beside a copy; undefined if there is none. */
  noted(path: string, signal: AbortSignal): Promise<string | undefined>;
  /** @returns the hash of what was written; undefined if another file has this name by now */
  write(path: string, opened: OpenFile, sha256: string, signal: AbortSignal): Promise<string | undefined>;
  open(path: string, file: FoundFile, signal: AbortSignal): Promise<OpenFile>;
}

class CheckedArchive implements Archive {
  readonly #folder: string;
  readonly #shelf: Shelf;

  constructor(folder: string, shelf: Shelf) {
    this.#folder = folder;
    this.#shelf = shelf;
  }

  async open(at: string, file: FoundFile, signal: AbortSignal): Promise<OpenFile> {
    const copy = await this.#shelf.open(at, file, signal);
    // Records hold the name and time of the file, and not those of its copy.
    return {
      file: { ...file, size: copy.file.size },
      read: (offset, length, stop) => copy.read(offset, length, stop),
      changed: (stop) => copy.changed(stop),
      close: () => copy.close(),
    };
  }

  async keep(opened: OpenFile, now: number, signal: AbortSignal): Promise<Archived> {
    const { name } = opened.file;
    const folder = this.#folder.replaceAll('{{date}}', new Date(now).toISOString().slice(0, 10));
    const usual = isS3(folder) ? `${folder.replace(/\/$/, '')}/${name}` : join(resolve(folder), name);
    const bytes = new RawBytes(opened, 0, signal);
    for await (const _piece of bytes);
    const sha256 = bytes.digest() ?? '';
    // What is wrong with the folder itself is wrong for every file.
    await this.#shelf.make?.(resolve(folder)).catch((error: unknown) => {
      if (error instanceof FileGone) throw error;
      this.#fail(name, error);
    });
    try {
      for (const at of [usual, `${usual}.${sha256.slice(0, 12)}`]) {
        const noted = await this.#shelf.noted(at, signal);
        if (noted === sha256) return { at, sha256 };
        if (noted !== undefined) continue;
        const written = await this.#shelf.write(at, opened, sha256, signal);
        if (written === undefined) continue;
        if (written === sha256) return { at, sha256 };
        throw new FileGone(
          'changed',
          'it was written to while it was copied into the archive; the next poll reads it anew',
        );
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FileGone || error instanceof RetryableError) throw error;
      const reason = NAMES_REFUSED[String(error instanceof Refused ? error.why : codeOf(error))];
      if (reason !== undefined) throw new FileGone('name_refused', `its copy cannot be made: ${reason}`, error);
      this.#fail(name, error);
    }
    throw new RetryableError(
      'archive_failed',
      `${name} cannot be archived: ${usual} holds other files of this name and hash`,
    );
  }

  #fail(name: string, error: unknown): never {
    throw new RetryableError(
      'archive_failed',
      `${name} cannot be archived, and is not read before it is: ${describeError(error)}`,
      { cause: error },
    );
  }
}

/** What is wrong with the name of one file, by the code of the system or of S3. It costs no other file. */
const NAMES_REFUSED: Readonly<Record<string, string>> = {
  ENAMETOOLONG:
    'its name, with what is put behind it, is longer than the disk of the archive takes: give it a shorter one',
  KeyTooLongError: 'its name, with that of the archive, is longer than S3 takes: give it a shorter one',
  ENOTDIR: 'the archive holds a file where this one needs a folder: rename one of them',
  EISDIR: 'the archive holds a folder of this name: rename one of them',
  EEXIST: 'the archive holds a file where this one needs a folder: rename one of them',
};

class LocalShelf implements Shelf {
  readonly #base: string | undefined;

  /** @param base where the files come from: who may write there could have put a link in the place of an archive that lies there too; undefined if links may lead anywhere */
  constructor(base: string | undefined) {
    this.#base = base;
  }

  async noted(path: string): Promise<string | undefined> {
    const isThere = await stat(dirname(path)).then(
      () => true,
      () => false,
    );
    if (!isThere) return undefined;
    return await this.#within(path, async (at) => {
      const isCopied = await stat(at).then(
        () => true,
        () => false,
      );
      return isCopied ? ((await readNote(`${at}.sha256`)) ?? 'none').split(' ')[0] : undefined;
    });
  }

  /** A link is looked for before, too: no folder is made where it leads. */
  async make(folder: string): Promise<void> {
    await this.#refuseOut(folder, await realNearest(folder));
    await mkdir(folder, { recursive: true });
    await this.#refuseOut(folder, await realpath(folder));
  }

  async write(path: string, opened: OpenFile, sha256: string, signal: AbortSignal): Promise<string | undefined> {
    await this.make(dirname(path));
    return await this.#within(path, (at) => writeCopy(at, opened, sha256, signal));
  }

  /** In the folder that is open now, whatever is put in its place meanwhile. */
  async #within<T>(path: string, work: (at: string) => Promise<T>): Promise<T> {
    const folder = await OpenFolder.open(dirname(path));
    try {
      await this.#refuseOut(path, folder.real);
      return await work(join(folder.path, basename(path)));
    } finally {
      await folder.close();
    }
  }

  async open(path: string, file: FoundFile): Promise<OpenFile> {
    const opened = await openLocal(path, file);
    try {
      await this.#refuseOut(path, (await opened.where()) ?? (await realpath(path)));
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  async #refuseOut(path: string, real: string): Promise<void> {
    const base = this.#base;
    if (base === undefined || isOutside(base, path) || !isOutside(await realpath(base), real)) return;
    throw new FileGone('link_outside', 'its copy cannot be made or read: a link leads out of the folder that is read');
  }
}

async function writeCopy(
  path: string,
  opened: OpenFile,
  sha256: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  // The note comes first: a copy without one would count as another file. Whoever writes it has the name: another endpoint may archive
  // a file of the same name at this moment.
  const note = `${sha256}  ${path.split('/').at(-1)}\n`;
  const isOurs = await writeNew(
    `${path}.sha256`,
    (async function* () {
      yield Buffer.from(note);
    })(),
  );
  if (!isOurs && (await readNote(`${path}.sha256`)) !== note) return undefined;
  return await writeWhole(path, new RawBytes(opened, 0, signal));
}

/** Bytes of a note: a hash, and the name of a file. */
const LONGEST_NOTE = 1_024;

/** The note beside a copy; undefined where it is no file. */
async function readNote(path: string): Promise<string | undefined> {
  const handle = await openFile(path).catch(() => undefined);
  try {
    if (!(await handle?.stat())?.isFile()) return undefined;
    const read = await handle?.read(Buffer.alloc(LONGEST_NOTE));
    return read?.buffer.toString('utf8', 0, read.bytesRead);
  } finally {
    await handle?.close();
  }
}

/** Where the folder lies, or the nearest one above it that is there. */
const realNearest = (folder: string): Promise<string> =>
  realpath(folder).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    return realNearest(dirname(folder));
  });

class S3Shelf implements Shelf {
  readonly #s3: S3;

  constructor(s3: S3) {
    this.#s3 = s3;
  }

  async noted(url: string, signal: AbortSignal): Promise<string | undefined> {
    const { name, path }: Bucket = bucketIn(url);
    try {
      const { metadata } = await this.#s3.ask(`looking for ${url}`, signal, (client) =>
        client.statObject(path, { bucketName: name }),
      );
      return metadata['x-amz-meta-sha256'] ?? 'none';
    } catch (error) {
      if (error instanceof NotThere) return undefined;
      throw error;
    }
  }

  async open(url: string, file: FoundFile, signal: AbortSignal): Promise<OpenFile> {
    const { name, path } = bucketIn(url);
    try {
      const { size, etag } = await this.#s3.ask(`looking for ${url}`, signal, (client) =>
        client.statObject(path, { bucketName: name }),
      );
      return new OpenObject(this.#s3, name, path, { ...file, size, tag: etag.replaceAll('"', '') });
    } catch (error) {
      if (error instanceof NotThere) throw new FileGone('gone', `its copy ${url} is not there`, error);
      throw error;
    }
  }

  async write(url: string, opened: OpenFile, sha256: string, signal: AbortSignal): Promise<string> {
    const { name, path } = bucketIn(url);
    let written = '';
    await this.#s3.ask(`archiving ${opened.file.name} to ${url}`, signal, async (client) => {
      const bytes = new RawBytes(opened, 0, signal);
      const pieces = bytes[Symbol.asyncIterator]();
      const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
        async pull(controller) {
          const { value, done } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(new Uint8Array(value));
        },
        cancel: async () => void (await pieces.return?.()),
      });
      await client.putObject(path, stream, {
        bucketName: name,
        size: opened.file.size,
        metadata: { 'x-amz-meta-sha256': sha256 },
      });
      written = bytes.digest() ?? '';
    });
    return written;
  }
}
