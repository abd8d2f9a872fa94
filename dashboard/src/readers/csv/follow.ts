import { listParts } from '@tributary/shared';
import type { Contents } from './contents.js';
import { wholeLines } from './lines.js';
import { inspectPart, openPart, type PartFile, PartReplacedError, type PartState } from './part-file.js';

/**
 * Takes in what has been appended to a dataset's parts since the last time, and nothing twice. A part that has not
 * grown is not opened.
 *
 * @throws PartReplacedError if a part that was read is another file now, or gone: a consumer took over a dead one's parts
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
}

async function readOn(contents: Contents, part: PartFile, signal: AbortSignal): Promise<void> {
  const { size } = part;
  const file = await openPart(part);
  try {
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

const unread = ({ name, path, identity, size }: PartState, number: number): PartFile => ({
  number,
  name,
  path,
  identity,
  size,
  read: 0,
  end: 0,
  rows: 0,
  header: undefined,
  problem: undefined,
});
