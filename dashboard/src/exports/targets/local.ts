import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { describeError, FatalError, openFile, RetryableError } from '@tributary/shared';
import {
  MANIFEST,
  type Manifest,
  MOST_BYTES,
  manifestSchema,
  noteSchema,
  parsed,
  RUN,
  RUNNING,
  type RunNote,
  written,
} from '../manifest.js';
import { newest } from './newest.js';
import type { ExportTarget, PutFile, Unfinished } from './port.js';

/** A folder of this machine: a run is written into a hidden folder, which gets its name when it is whole. */
export class LocalTarget implements ExportTarget {
  readonly shown: string;
  readonly #root: string;
  readonly #pipeline: string;
  readonly #export: string;

  /** @param to the folder in which each export has one of its own */
  constructor(to: string, { pipeline, name }: { readonly pipeline: string; readonly name: string }) {
    this.#root = join(resolve(to), name);
    this.#pipeline = pipeline;
    this.#export = name;
    this.shown = join(to, name);
  }

  async finished(_signal?: AbortSignal, most = Number.POSITIVE_INFINITY): Promise<Manifest[]> {
    return await this.#explained('reading', async () => {
      const runs = (await this.#folders()).filter((name) => RUN.test(name)).sort();
      return await newest(runs, most, async (run) => {
        const manifest = parsed(manifestSchema, await textOf(join(this.#root, run, MANIFEST)));
        return manifest !== undefined && this.#isOurs(manifest, run) ? manifest : undefined;
      });
    });
  }

  async unfinished(): Promise<Unfinished[]> {
    return await this.#explained('reading', async () => {
      const found: Unfinished[] = [];
      for (const name of await this.#folders()) {
        const run = /^\.(.+)\.part$/.exec(name)?.[1] ?? '';
        if (!RUN.test(run)) continue;
        const path = join(this.#root, name);
        const running = parsed(noteSchema, await textOf(join(path, RUNNING)));
        // It may have been killed between the last file and the name, or while it was removed.
        const manifest = parsed(manifestSchema, await textOf(join(path, MANIFEST)));
        const files = manifest?.files.map((file) => file.name);
        const note = running ?? (manifest && files && { ...manifest, files, host: '', pid: 0, begunAt: manifest.asOf });
        if (note !== undefined && !this.#isOurs(note, run)) continue;
        const seen = await lstat(join(path, RUNNING)).catch(() => lstat(path));
        found.push({ run, note, seenAt: seen.mtimeMs });
      }
      return found;
    });
  }

  async begin(note: RunNote): Promise<void> {
    await this.#explained('writing', async () => {
      const part = this.#part(note.run);
      await mkdir(part, { recursive: true });
      await this.#refuseLink();
      await writeText(join(part, RUNNING), written(note));
    });
  }

  async put(run: string, name: string, path: string, signal: AbortSignal): Promise<PutFile> {
    return await this.#explained('writing', async () => {
      const file = await open(join(this.#part(run), name), 'w');
      const hash = createHash('sha256');
      let bytes = 0;
      await closing(file, async () => {
        for await (const piece of createReadStream(path, { highWaterMark: PIECE, signal }) as AsyncIterable<Buffer>) {
          hash.update(piece);
          bytes += piece.length;
          await file.writeFile(piece);
        }
        await file.sync();
      });
      return { bytes, sha256: hash.digest('hex') };
    });
  }

  async publish(manifest: Manifest): Promise<void> {
    await this.#explained('writing', async () => {
      const part = this.#part(manifest.run);
      await writeText(join(part, MANIFEST), written(manifest));
      await rm(join(part, RUNNING));
      await syncFolder(part);
      await rename(part, join(this.#root, manifest.run));
      await syncFolder(this.#root);
    });
  }

  async remove(run: string, files: readonly string[]): Promise<void> {
    await this.#explained('removing from', async () => {
      const [folder, part] = [join(this.#root, run), this.#part(run)];
      const ours = new Set([...files, MANIFEST, RUNNING]);
      const names = await readdir(folder).catch(() => undefined);
      // With its name it would be taken for whole, and what is not ours must not be hidden.
      if (names?.every((name) => ours.has(name)) === true) await rename(folder, part);
      const left = names?.every((name) => ours.has(name)) === false ? folder : part;
      for (const name of [...files, MANIFEST, RUNNING]) await rm(join(left, name), { force: true });
      await rmdir(left).catch((error: unknown) => {
        if (!MAY_STAY.has(codeOf(error))) throw error;
      });
    });
  }

  #part(run: string): string {
    return join(this.#root, `.${run}.part`);
  }

  #isOurs(one: { readonly pipeline: string; readonly export: string; readonly run: string }, run: string): boolean {
    return one.pipeline === this.#pipeline && one.export === this.#export && one.run === run;
  }

  /** Folders, and no links: what they lead to is none of ours. */
  async #folders(): Promise<string[]> {
    await this.#refuseLink();
    const entries = await readdir(this.#root, { withFileTypes: true }).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  async #refuseLink(): Promise<void> {
    const found = await lstat(this.#root).catch(() => undefined);
    if (found === undefined || found.isDirectory()) return;
    throw new FatalError(
      'export_place',
      `${this.shown} is no folder: an export writes into a folder of its name, and not where a link leads`,
    );
  }

  async #explained<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const code = codeOf(error);
      if (typeof code !== 'string' || error instanceof FatalError || error instanceof RetryableError) throw error;
      const words = Object.hasOwn(WORDS, code)
        ? WORDS[code]
        : describeError(error).replaceAll(dirname(this.#root), '…');
      throw new RetryableError('export_place', `${doing} ${this.shown}: ${words} (${code})`, { cause: error });
    }
  }
}

/** Bytes that are copied at once. */
const PIECE = 1024 * 1024;

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the disk is read-only',
  ENOTDIR: 'something in its path is no folder',
  EDQUOT: 'the quota of this user is used up',
};

/** Something else lies in the folder, or it is gone already. */
const MAY_STAY: ReadonlySet<unknown> = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT']);

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** The beginning of a file; '' if there is none. */
async function textOf(path: string): Promise<string> {
  const file = await openFile(path).catch(() => undefined);
  if (file === undefined) return '';
  return await closing(file, async () => {
    const found = await file.stat();
    if (!found.isFile()) return '';
    // No more than it takes: the page Exports has every manifest read, again and again.
    const length = Math.min(found.size, MOST_BYTES);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.toString('utf8', 0, bytesRead);
  });
}

async function writeText(path: string, text: string): Promise<void> {
  const file = await open(path, 'w');
  await closing(file, async () => {
    await file.writeFile(text);
    await file.sync();
  });
}

/** Without it, the name of a new file may be lost with the power. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await closing(handle, () => handle.sync());
}

async function closing<T>(file: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await file.close();
  }
}
