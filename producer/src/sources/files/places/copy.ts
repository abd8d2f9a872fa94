import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openFile } from '@tributary/shared';

const PIECE = 1024 * 1024;

/**
 * Copies a file of this machine, and removes it when the copy is on the disk. Who may write into its folder could put a link to another file in its
 * place meanwhile, or a newer file that nobody has read.
 * @param tag names the file that is meant (see `FoundFile`); undefined for any, which must be no link then
 * @returns false if another file has its name by now, which is left as it is
 */
export async function copyFile(
  from: string,
  to: string,
  tag: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const source = await openFile(from, tag !== undefined);
  const { dev, ino } = await source.stat();
  const opened = `${dev}-${ino}`;
  try {
    if (tag !== undefined && opened !== tag) return false;
    await writeWhole(to, pieces(source, signal));
  } finally {
    await source.close();
  }
  // Its name is taken away first: what stands there may be another file at each moment.
  const aside = join(dirname(from), `.${randomUUID()}.part`);
  await rename(from, aside);
  const there = await stat(aside);
  if (`${there.dev}-${there.ino}` === opened) await rm(aside);
  else await rename(aside, from);
  return true;
}

async function* pieces(handle: FileHandle, signal: AbortSignal): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    signal.throwIfAborted();
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(PIECE), 0, PIECE, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * Writes a file that is there as a whole or not at all, and is on the disk afterwards. One that is there is replaced.
 * @returns the SHA-256 of what was written, in hexadecimal digits
 */
export const writeWhole = (path: string, content: AsyncIterable<Buffer>): Promise<string> =>
  written(path, content, (temporary) => rename(temporary, path));

/** The same, where no file of this name is there. @returns whether it was written */
export async function writeNew(path: string, content: AsyncIterable<Buffer>): Promise<boolean> {
  try {
    await written(path, content, async (temporary) => {
      await link(temporary, path).catch(async (error: unknown) => {
        if (!NO_LINKS.has(codeOf(error))) throw error;
        await rename(temporary, path);
      });
      await rm(temporary, { force: true });
    });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function written(
  path: string,
  content: AsyncIterable<Buffer>,
  place: (temporary: string) => Promise<void>,
): Promise<string> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  // Another endpoint, or a producer on another machine, may write a file of the same name at the same time.
  const temporary = join(folder, `.${randomUUID()}.part`);
  const hash = createHash('sha256');
  const handle = await open(temporary, 'wx');
  try {
    for await (const piece of content) {
      hash.update(piece);
      await handle.writeFile(piece);
    }
    await handle.sync();
    await handle.close();
    await place(temporary);
    await syncFolder(folder);
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
  return hash.digest('hex');
}

/** Some file systems of other machines have no links. */
const NO_LINKS: ReadonlySet<unknown> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** Without it, the name of a new file may be lost with the power. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
