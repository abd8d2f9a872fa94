import { listParts } from '@tributary/shared';
import type { Contents } from './contents.js';
import { type Loading, loadPart } from './load.js';
import {
  inspectPart,
  openPart,
  type PartFile,
  PartReplacedError,
  type PartState,
  PartUnreadableError,
} from './part-file.js';

/** How the parts of one dataset are followed. */
export interface Following extends Loading {
  /** Why a part is not to be read now, in words. */
  whyNot(part: PartFile): Promise<string | undefined>;
}

/**
 * Takes in what has been appended to a dataset's parts since the last time, and nothing twice. A part that cannot be read is
 * left out, and tried again the next time.
 *
 * @throws PartReplacedError if what was read is no longer there: a consumer took over the parts of one that died
 * @throws PartUnreadableError for a part of which some rows were read, and others cannot be
 */
export async function follow(contents: Contents, following: Following): Promise<void> {
  const { directory, signal, database } = following;
  const listed = await Promise.all((await listParts(directory, contents.dataset.name)).map(inspectPart));
  const found = new Map(listed.flatMap((part) => (part === undefined ? [] : [[part.name, part] as const])));
  for (const part of contents.parts) {
    const now = found.get(part.name);
    if (now !== undefined && part.end === 0) {
      // Nothing was read of it that could be another's now.
      contents.parts[part.number] = { ...unread(now, part.number), unreadable: part.unreadable };
      continue;
    }
    if (now?.fault !== undefined && part.rows > 0) throw new PartUnreadableError(part, now.fault);
    if (now === undefined || now.identity !== part.identity || now.size < part.end) throw new PartReplacedError(part);
    part.size = now.size;
  }
  const known = new Set(contents.parts.map((part) => part.name));
  for (const part of found.values())
    if (!known.has(part.name)) contents.parts.push(unread(part, contents.parts.length));
  await contents.make(database);
  for (const part of contents.parts) {
    if (signal.aborted) return;
    if (part.read !== part.size) await readIfPossible(contents, part, following);
  }
  contents.caughtUp = !signal.aborted;
}

/** One part that cannot be read (by its rights, or because its disk fails) must not keep all others from being shown. */
async function readIfPossible(contents: Contents, part: PartFile, following: Following): Promise<void> {
  part.unreadable = await following.whyNot(part);
  if (part.unreadable !== undefined) return;
  try {
    await loadPart(contents, part, following);
  } catch (error) {
    const { syscall } = error as NodeJS.ErrnoException;
    const cause = syscall === 'read' ? new PartUnreadableError(part, error) : error;
    // With some of its rows in the table, the others would not be missed.
    if (!(cause instanceof PartUnreadableError) || part.rows > 0) throw cause;
    part.unreadable = cause.message;
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

const unread = ({ name, path, identity, size }: PartState, number: number): PartFile => ({
  number,
  name,
  path,
  identity,
  size,
  read: 0,
  end: 0,
  ending: Buffer.alloc(0),
  rows: 0,
  marks: [],
  header: undefined,
  neutralised: undefined,
  problem: undefined,
  unreadable: undefined,
});
