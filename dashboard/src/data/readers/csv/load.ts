import type { FileHandle } from 'node:fs/promises';
import { describeError, isNeutralised, splitCells, type WholeLine, wholeLines } from '@tributary/shared';
import type { Contents } from './contents.js';
import { type Database, HANDED_OVER, type Writes } from './database.js';
import {
  headerOf,
  type Mark,
  openPart,
  type PartFile,
  type PartHeader,
  PartReplacedError,
  type Unreadable,
} from './part-file.js';
import { copyLines, readLines, type Staged } from './staging.js';
import { type Lines, linesOf } from './table.js';

export interface Loading {
  readonly database: Database;
  readonly directory: string;
  /** What the configuration says of cells that are written now. */
  readonly neutraliseFormulas: boolean;
  /** Aborts when the reader is closed. */
  readonly closed: AbortSignal;
}

/** Bytes up to which lines are read here: for DuckDB to open a file takes longer than that. */
const FEW = 512 * 1024;
/** How much before the place to read on from is compared with what was there. */
const ENDING = 130;
/** Marks that are kept of a part: the rows between two of them are counted to find one. */
const MARKS = 1_000;

/**
 * Takes in the whole lines that a part has beyond those that were read, some hundred MB at a time: each time all of them, or none.
 * @throws PartReplacedError if what was read is no longer there
 */
export async function loadPart(contents: Contents, part: PartFile, loading: Loading): Promise<void> {
  const { directory, neutraliseFormulas, closed, database } = loading;
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
      await loadLines(contents, part, header, file, loading);
      part.read = part.end;
      await database.store(part.rows - rows, part.end - before < FEW);
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

async function loadLines(
  contents: Contents,
  part: PartFile,
  header: PartHeader,
  file: FileHandle,
  { database }: Loading,
): Promise<void> {
  const { end: from, size, neutralised = true } = part;
  let to = size;
  if (size - from > FEW) {
    const copied = await database.staging(async (path) => {
      const { longest, guards, ...lines } = await copyLines(file, from, size, path);
      const handed = { ...lines, source: linesOf(path, longest, header.columns.length), isMeant: guards === 'none' };
      const isRead =
        guards !== 'within' &&
        (await add(contents, part, header, file, database, async () => handed).catch(falseIfMisread));
      return { end: lines.end, isRead };
    });
    // DuckDB and the sink do not read each line the same: ours decides, which says what is wrong with a line too.
    if (copied.isRead) return;
    to = copied.end;
  }
  await add(contents, part, header, file, database, async ({ handOver }) => {
    const lines = await handOver(header.columns.length, (take) =>
      readLines(file, { from, to }, header, neutralised, take),
    );
    return { ...lines, source: HANDED_OVER, isMeant: true };
  });
}

/**
 * Puts lines into the table, all or none.
 * @throws MisreadError if not each line has become a row
 */
async function add(
  contents: Contents,
  part: PartFile,
  header: PartHeader,
  file: FileHandle,
  database: Database,
  hand: (writes: Writes) => Promise<Staged & Lines & { readonly unreadable?: Unreadable }>,
): Promise<true> {
  const { table } = contents;
  const piece = contents.nextPiece();
  const work = async (writes: Writes) => {
    const handed = await hand(writes);
    const rows = handed.lines === 0 ? 0 : await writes.change(table.insertSql(part, header, handed, piece));
    if (rows !== handed.lines) throw new MisreadError(`DuckDB reads ${rows} rows in ${handed.lines} lines`);
    if (rows > 0) await writes.change(table.overtakenSql(piece));
    return { handed, counted: await contents.count(writes), ending: await endingAt(handed.end, file) };
  };
  await database.write(work, ({ handed: { end, lines, unreadable, marks }, counted, ending }) => {
    contents.note(counted);
    if (unreadable !== undefined) {
      part.lost = { count: part.lost.count + unreadable.count, first: part.lost.first || unreadable.first };
    }
    part.marks = thinned([...part.marks, ...marks.map(({ row, offset }) => ({ row: row + part.rows, offset }))]);
    part.rows += lines;
    part.end = end;
    part.ending = ending;
  });
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
const thinned = (marks: Mark[]): Mark[] =>
  marks.length <= MARKS ? marks : marks.filter((_, index) => index % 2 === 0);

/** The bytes before a place. */
async function endingAt(end: number, file: FileHandle, length = ENDING): Promise<Buffer> {
  const ending = Buffer.alloc(Math.min(end, length));
  await file.read(ending, 0, ending.length, end - ending.length);
  return ending;
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
