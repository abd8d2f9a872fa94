import type { FileHandle } from 'node:fs/promises';
import { isNeutralised, splitCells, type WholeLine, wholeLines } from '@tributary/shared';
import type { Contents } from './contents.js';
import type { Database } from './database.js';
import { headerOf, openPart, type PartFile, PartReplacedError } from './part-file.js';
import { endingAt, type Sizes, takeIn } from './take-in.js';

export interface Loading {
  readonly database: Database;
  readonly directory: string;
  /** What the configuration says of cells that are written now. */
  readonly neutraliseFormulas: boolean;
  /** Aborts when the reader is closed. */
  readonly closed: AbortSignal;
  readonly sizes: Sizes;
}

/**
 * Takes in the whole lines that a part has beyond those that were read, some hundred MB at a time: each time all of them, or none.
 * @throws PartReplacedError if what was read is no longer there
 */
export async function loadPart(contents: Contents, part: PartFile, loading: Loading): Promise<void> {
  const { directory, neutraliseFormulas, closed, database, sizes } = loading;
  const { size } = part;
  const file = await openPart(part);
  try {
    // The sink notes it before it writes the first row.
    if (part.rows === 0) {
      part.neutralised = await isNeutralised({ directory, neutraliseFormulas }, contents.dataset.name, part.name);
    }
    if (!(await beginsAsRead(file, part))) throw new PartReplacedError(part);
    if (part.header === undefined) await readHeader(contents, part, file, database);
    const { header } = part;
    for (let before = -1; header !== undefined && part.end > before && part.end < size && !closed.aborted; ) {
      before = part.end;
      const { rows } = part;
      await takeIn({ contents, part, header, file, database, sizes });
      part.read = part.end;
      await database.store(part.rows - rows, part.end - before < sizes.few);
    }
    if (!closed.aborted) part.read = size;
  } finally {
    await file.close();
  }
}

async function readHeader(contents: Contents, part: PartFile, file: FileHandle, database: Database): Promise<void> {
  const line = await firstLine(file, part.size);
  if (line === undefined) return;
  const columns = splitCells(line.text);
  const isWide = !contents.takes(columns);
  const header = isWide ? undefined : headerOf(columns, contents.dataset);
  if (isWide) part.problem = `${part.name} is left out: it has too many columns that the configuration does not name`;
  else if (header === undefined) part.problem = `${part.name} is left out: its first line is not a Tributary header`;
  else await contents.addColumns(header.columns, database);
  part.header = header;
  part.ending = await endingAt(line.length, file);
  part.end = line.length;
}

/** Bytes in which a first line is looked for at first. */
const HEADER = 64 * 1024;

async function firstLine(file: FileHandle, size: number): Promise<WholeLine | undefined> {
  for (let within = HEADER; ; within *= 16) {
    let first: WholeLine | undefined;
    // A stream that is not read to its end closes the file.
    for await (const lines of wholeLines(file, 0, Math.min(within, size))) first ??= lines[0];
    if (first !== undefined || within >= size) return first;
  }
}

/** Marks that are compared of a part that an earlier process has read. */
const COMPARED = 8;

/**
 * Whether the last lines that were read are still where they were. A sink whose write failed half-way cuts them off again and
 * writes other lines in their place, to the same file. And whether lines begin where an earlier process has seen some begin.
 */
async function beginsAsRead(file: FileHandle, { end, ending, rows, read, marks }: PartFile): Promise<boolean> {
  if (!(await endingAt(end, file)).equals(ending)) return false;
  if (read > 0 || rows === 0) return true;
  const some = marks.filter((_, index) => index % Math.ceil(marks.length / COMPARED) === 0);
  const before = await Promise.all(some.map(({ offset }) => endingAt(offset, file, 1)));
  return before.every(([byte]) => byte === LINE_FEED);
}

const LINE_FEED = 0x0a;
