import { type Logger, listParts } from '@tributary/shared';
import type { Contents } from './contents.js';
import { type Loading, loadPart } from './load.js';
import { inspectPart, openPart, type PartFile, PartReplacedError, PartUnreadableError } from './part-file.js';

/** How the parts of one dataset are followed. */
export interface Following extends Loading {
  readonly log: Logger;
  /** Why a part is not to be read now, in words. */
  whyNot(part: PartFile): Promise<string | undefined>;
}

/**
 * Takes in what has been appended to a dataset's parts since the last time, and nothing twice. A part that cannot be read is
 * left out, and tried again the next time.
 *
 * @throws PartReplacedError if what was read of a part is no longer there
 * @throws PartUnreadableError for a part of which some rows were read, and others cannot be. In both cases its rows are forgotten.
 */
export async function follow(contents: Contents, following: Following): Promise<void> {
  const { directory, signal, database, log } = following;
  const listed = await Promise.all((await listParts(directory, contents.dataset.name)).map(inspectPart));
  const found = new Map(listed.flatMap((part) => (part === undefined ? [] : [[part.name, part] as const])));
  // What an earlier process has read is compared with what is there.
  if (found.size > 0) await contents.make(database);
  for (const part of contents.parts) {
    const now = found.get(part.name);
    const isAnother = now === undefined || now.identity !== part.identity || now.size < part.end;
    if (!isAnother) {
      part.size = now.size;
      part.path = now.path;
      continue;
    }
    // A consumer took over the parts of one that died, old parts were removed, or the part cannot be opened any more.
    if (part.rows > 0) log.info({ dataset: contents.dataset.name, part: part.name }, 'this part is not what it was');
    await contents.forget(part, database);
  }
  const known = new Set(contents.parts.map((part) => part.name));
  for (const part of found.values()) if (!known.has(part.name)) contents.addPart(part);
  for (const part of contents.parts) {
    if (signal.aborted) return;
    if (part.read !== part.size) await readIfPossible(contents, part, following);
  }
  contents.caughtUp = !signal.aborted;
  await database.store(0, true);
}

/** One part that cannot be read (by its rights, or because its disk fails) must not keep all others from being shown. */
async function readIfPossible(contents: Contents, part: PartFile, following: Following): Promise<void> {
  const { database } = following;
  part.unreadable = await following.whyNot(part);
  if (part.unreadable !== undefined) return;
  try {
    await loadPart(contents, part, following);
  } catch (error) {
    const { syscall } = error as NodeJS.ErrnoException;
    const cause = syscall === 'read' ? new PartUnreadableError(part, error) : error;
    if (cause instanceof PartUnreadableError && part.rows === 0) {
      part.unreadable = cause.message;
      return;
    }
    // With some of its rows in the table, the others would not be missed.
    if (cause instanceof PartUnreadableError || cause instanceof PartReplacedError)
      await contents.forget(part, database);
    throw cause;
  }
}

/** Reads a part to its end. @throws PartReplacedError, PartUnreadableError */
export async function probe(part: PartFile): Promise<void> {
  const file = await openPart(part);
  try {
    for await (const _chunk of file.createReadStream({ autoClose: false }));
  } catch (error) {
    throw new PartUnreadableError(part, error);
  } finally {
    await file.close();
  }
}
