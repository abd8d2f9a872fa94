import type { FileHandle } from 'node:fs/promises';
import { listParts, wholeLines } from '@tributary/shared';
import type { Contents } from './contents.js';
import { inspectPart, openPart, type PartFile, PartReplacedError, type PartState } from './part-file.js';

/**
 * Takes in what has been appended to a dataset's parts since the last time, and nothing twice. A part that has not
 * grown is not opened.
 *
 * @throws PartReplacedError if what was read is no longer there: a consumer took over the parts of one that died
 */
export async function follow(
  contents: Contents,
  directory: string,
  dataset: string,
  signal: AbortSignal,
): Promise<void> {
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
    if (part.read !== part.size) await readOn(contents, part, signal);
  }
  contents.caughtUp = !signal.aborted;
}

async function readOn(contents: Contents, part: PartFile, signal: AbortSignal): Promise<void> {
  const { size } = part;
  const file = await openPart(part);
  try {
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
  problem: undefined,
});
