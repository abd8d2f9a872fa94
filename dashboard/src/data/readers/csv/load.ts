import type { FileHandle } from 'node:fs/promises';
import { describeError, isNeutralised, splitCells, wholeLines } from '@tributary/shared';
import type { Contents } from './contents.js';
import type { Database } from './database.js';
import { headerOf, openPart, type PartFile, type PartHeader, PartReplacedError } from './part-file.js';
import { copyLines, type Mark, rewriteLines, type Staged } from './staging.js';
import type { HandedOver } from './table.js';

export interface Loading {
  readonly database: Database;
  readonly directory: string;
  /** What the configuration says of cells that are written now. */
  readonly neutraliseFormulas: boolean;
  readonly signal: AbortSignal;
}

/** How much before the place to read on from is compared with what was there. */
const ENDING = 130;
/** Marks that are kept of a part: the rows between two of them are counted to find one. */
const MARKS = 1_000;

/**
 * Takes in the whole lines that a part has beyond those that were read, some hundred MB at a time: each time all of them, or none.
 * @throws PartReplacedError if what was read is no longer there
 */
export async function loadPart(contents: Contents, part: PartFile, loading: Loading): Promise<void> {
  const { directory, neutraliseFormulas, signal, database } = loading;
  const { size } = part;
  const file = await openPart(part);
  try {
    // The sink notes it before it writes the first row.
    if (part.rows === 0) {
      part.neutralised = await isNeutralised({ directory, neutraliseFormulas }, contents.dataset.name, part.name);
    }
    if (!(await endsAsRead(file, part))) throw new PartReplacedError(part);
    if (part.header === undefined) await readHeader(contents, part, file, size, database);
    const { header } = part;
    for (let before = -1; header !== undefined && part.end > before && part.end < size && !signal.aborted; ) {
      before = part.end;
      await loadLines(contents, part, header, file, loading);
      part.read = part.end;
    }
    if (!signal.aborted) part.read = size;
  } finally {
    await file.close();
  }
}

async function readHeader(
  contents: Contents,
  part: PartFile,
  file: FileHandle,
  size: number,
  database: Database,
): Promise<void> {
  for await (const [line] of wholeLines(file, part.end, size)) {
    if (line === undefined) continue;
    const header = headerOf(splitCells(line.text), contents.dataset);
    if (header === undefined) part.problem = `${part.name} is left out: its first line is not a Tributary header`;
    else await contents.addColumns(header.columns, database);
    part.header = header;
    await moveTo(part, file, line.offset + line.length);
    return;
  }
}

async function loadLines(
  contents: Contents,
  part: PartFile,
  header: PartHeader,
  file: FileHandle,
  { database }: Loading,
): Promise<void> {
  const { end, size, neutralised = true } = part;
  await database.staging(async (path) => {
    const copied = await copyLines(file, end, size, path);
    if (copied.end === end) return;
    const isRead =
      copied.isPlain &&
      (await add(contents, part, header, { ...copied, path, isMeant: false }, database).catch(falseIfMisread));
    // DuckDB and the sink do not read each line the same: ours decides, which says what is wrong with a line too.
    if (!isRead) {
      const rewritten = await rewriteLines(file, { from: end, to: copied.end, path }, header, neutralised);
      await add(contents, part, header, { ...rewritten, path, isMeant: true }, database);
      contents.noteUnreadable(part, rewritten.unreadable);
    }
    await moveTo(part, file, copied.end);
  });
}

/** @throws MisreadError if not each line has become a row; then none has */
async function add(
  contents: Contents,
  part: PartFile,
  header: PartHeader,
  staged: Staged & HandedOver,
  database: Database,
): Promise<true> {
  const { table, rows: first } = contents;
  const counted = await database.write(async (writes) => {
    const rows = await writes.change(table.insertSql(part, header, staged, first));
    if (rows !== staged.lines) throw new MisreadError(`DuckDB reads ${rows} rows in ${staged.lines} lines`);
    await writes.change(table.overtakenSql(first));
    return await contents.countFrom(writes, first);
  });
  contents.noteRows(staged.lines, counted);
  const marks = staged.marks.map(({ row, offset }) => ({ row: row + part.rows, offset }));
  part.marks = thinned([...part.marks, ...marks]);
  part.rows += staged.lines;
  return true;
}

class MisreadError extends Error {}

/** Other errors have nothing to do with the lines. */
function falseIfMisread(error: unknown): false {
  const isMisread = error instanceof MisreadError || /CSV|unicode|utf-?8/i.test(describeError(error));
  if (!isMisread) throw error;
  return false;
}

/** Every second one is enough where there are many. */
const thinned = (marks: Mark[]): Mark[] => (marks.length <= MARKS ? marks : marks.filter((_, index) => index % 2 === 0));

async function moveTo(part: PartFile, file: FileHandle, end: number): Promise<void> {
  const ending = Buffer.alloc(Math.min(end, ENDING));
  await file.read(ending, 0, ending.length, end - ending.length);
  part.end = end;
  part.ending = ending;
}

/**
 * Whether the last lines that were read are still where they were. A sink whose write failed half-way cuts them off again and
 * writes other lines in their place, to the same file.
 */
async function endsAsRead(file: FileHandle, { end, ending }: PartFile): Promise<boolean> {
  const found = Buffer.alloc(ending.length);
  await file.read(found, 0, found.length, end - found.length);
  return found.equals(ending);
}
