import type { FileHandle } from 'node:fs/promises';
import { isNeutralised, listParts, wholeLines } from '@tributary/shared';
import type { Contents } from './contents.js';
import {
  inspectPart,
  openPart,
  type PartFile,
  PartReplacedError,
  type PartState,
  PartUnreadableError,
} from './part-file.js';

/** How the parts of one dataset are followed. */
export interface Following {
  readonly directory: string;
  readonly dataset: string;
  readonly signal: AbortSignal;
  /** Why a part is not to be read now, in words. */
  whyNot(part: PartFile): Promise<string | undefined>;
}

/**
 * Takes in what has been appended to a dataset's parts since the last time, and nothing twice. A part that has not
 * grown is not opened. A part that cannot be read is left out, and tried again the next time.
 *
 * @throws PartReplacedError if what was read is no longer there: a consumer took over the parts of one that died
 * @throws PartUnreadableError for a part of which some rows were read, and others cannot be
 */
export async function follow(contents: Contents, following: Following): Promise<void> {
  const { directory, dataset, signal } = following;
  const listed = await Promise.all((await listParts(directory, dataset)).map(inspectPart));
  const found = new Map(listed.flatMap((part) => (part === undefined ? [] : [[part.name, part] as const])));
  for (const part of contents.parts) {
    const now = found.get(part.name);
    if (now === undefined || now.identity !== part.identity || now.size < part.end) throw new PartReplacedError(part);
    part.size = now.size;
  }
  const known = new Set(contents.parts.map((part) => part.name));
  for (const part of found.values())
    if (!known.has(part.name)) contents.parts.push(unread(part, contents.parts.length));
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
    await readOn(contents, part, following);
  } catch (error) {
    if (error instanceof PartReplacedError) throw error;
    const cause = error instanceof PartUnreadableError ? error : new PartUnreadableError(part, error);
    // Some of its rows are in the index, and could not be shown.
    if (part.rows > 0) throw cause;
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

async function readOn(contents: Contents, part: PartFile, { directory, dataset, signal }: Following): Promise<void> {
  const { size } = part;
  const file = await openPart(part);
  try {
    // The sink notes it before it writes the first row.
    if (part.rows === 0) {
      const { neutraliseFormulas } = contents;
      part.neutralised = await isNeutralised({ directory, neutraliseFormulas }, dataset, part.name);
    }
    if (!(await endsAsRead(file, part))) throw new PartReplacedError(part);
    for await (const lines of wholeLines(file, part.end, size)) {
      for (const line of lines) if (part.problem === undefined) contents.add(part, line);
      part.read = part.end;
      if (signal.aborted || part.problem !== undefined) break;
    }
    if (!signal.aborted) part.read = size;
  } finally {
    await file.close();
  }
}

/**
 * Whether the last line that was read is still where it was. A sink whose write failed half-way cuts it off again and
 * writes other lines in its place, to the same file.
 */
async function endsAsRead(file: FileHandle, part: PartFile): Promise<boolean> {
  const expected = Buffer.from(part.ending);
  const found = Buffer.alloc(Math.min(part.end, expected.length + 2));
  await file.read(found, 0, found.length, part.end - found.length);
  return found.toString().trimEnd().endsWith(part.ending.trimEnd());
}

const unread = ({ name, path, identity, size }: PartState, number: number): PartFile => ({
  number,
  name,
  path,
  identity,
  size,
  read: 0,
  end: 0,
  ending: '',
  rows: 0,
  header: undefined,
  neutralised: undefined,
  problem: undefined,
  unreadable: undefined,
});
