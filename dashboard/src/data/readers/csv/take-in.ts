import type { FileHandle } from 'node:fs/promises';
import { describeError } from '@tributary/shared';
import type { Contents } from './contents.js';
import { type Database, HANDED_OVER, type Writes } from './database.js';
import type { Mark, PartFile, PartHeader, Unreadable } from './part-file.js';
import { copyLines, readLines, type Staged } from './staging.js';
import { linesOf } from './table.js';

/** A part that is read. */
interface Reading {
  readonly contents: Contents;
  readonly part: PartFile;
  readonly header: PartHeader;
  readonly file: FileHandle;
  readonly database: Database;
  readonly sizes: Sizes;
}

/** Lines that became rows together. */
interface Piece extends Staged {
  readonly piece: number;
  readonly unreadable?: Unreadable;
}

/** How much is read at once, in bytes. */
export interface Sizes {
  /** Up to so many, lines are read here: for DuckDB to open a file takes longer than that. */
  readonly few: number;
  /** Of a piece that DuckDB reads, or one long line. */
  readonly most: number;
}

export const SIZES: Sizes = { few: 512 * 1024, most: 48 * 1024 * 1024 };
/** How much before the place to read on from is compared with what was there. */
const ENDING = 130;
/** Marks that are kept of a part: the rows between two of them are counted to find one. */
const MARKS = 1_000;

/** Puts some of a part's next lines into the table, all or none. */
export async function takeIn(reading: Reading): Promise<void> {
  const { contents, part, header, file, database, sizes } = reading;
  const { end: from, size, neutralised = true, rows: before } = part;
  // DuckDB and the sink do not read each line the same: ours decides, which says what is wrong with a line too.
  const to = size - from > sizes.few ? await withDuckDb(reading) : size;
  if (to === undefined) return;
  await database.write(
    async (writes) => {
      const handed = await writes.handOver(header.columns.length, (take) =>
        readLines(file, { from, to }, header, neutralised, take),
      );
      const piece = contents.nextPiece();
      const lines = { source: HANDED_OVER, isMeant: true };
      if (handed.lines > 0) await writes.change(contents.table.insertSql(part, header, lines, { before, piece }));
      return await told(reading, [{ ...handed, piece }], writes);
    },
    (read) => note(reading, read),
  );
}

/**
 * Has some pieces read at the same time.
 * @returns where the first of them ends if that has to be read line by line, or else undefined
 */
async function withDuckDb(reading: Reading): Promise<number | undefined> {
  const { contents, part, header, file, database, sizes } = reading;
  return await database.desks(async (desks) => {
    const pieces = [];
    let { end, rows: before } = part;
    let first: number | undefined;
    for (const desk of desks) {
      if (part.size - end <= sizes.few) break;
      const { longest, guards, ...lines } = await copyLines(file, end, part.size, sizes.most, desk.path);
      first ??= lines.end;
      if (lines.lines === 0 || guards === 'within') break;
      const piece = contents.nextPiece();
      const source = { source: linesOf(desk.path, longest, header.columns.length), isMeant: guards === 'none' };
      const rows = desk.insert(contents.table.insertSql(part, header, source, { before, piece }));
      const isRead = rows.then((count) => count === lines.lines, falseIfMisread);
      // It may be known before the next piece is copied.
      isRead.catch(() => {});
      pieces.push({ ...lines, piece, desk, isRead });
      before += lines.lines;
      end = lines.end;
    }
    const areRead = [...(await Promise.all(pieces.map(({ isRead }) => isRead))), false];
    const read = pieces.slice(0, areRead.indexOf(false));
    if (read.length === 0) return first;
    const taken = read.map(({ desk }) => desk);
    await database
      .write(
        (writes) => told(reading, read, writes),
        (all) => note(reading, all),
        taken,
      )
      .catch((error: unknown) => {
        // Some may be in the table by now.
        contents.lose();
        throw error;
      });
    return undefined;
  });
}

/** Errors of another kind have nothing to do with the lines. */
function falseIfMisread(error: unknown): false {
  if (!/CSV|unicode|utf-?8/i.test(describeError(error))) throw error;
  return false;
}

type Told = Awaited<ReturnType<typeof told>>;

/** What is known of a part and the table when rows have come. */
async function told({ contents, part, file }: Reading, pieces: readonly Piece[], writes: Writes) {
  // One after the other: all at once take more memory.
  for (const { lines, piece } of pieces) if (lines > 0) await writes.change(contents.table.overtakenSql(piece));
  const end = pieces.at(-1)?.end ?? part.end;
  return { pieces, end, counted: await contents.count(writes), ending: await endingAt(end, file) };
}

function note({ contents, part }: Reading, { pieces, end, counted, ending }: Told): void {
  contents.note(counted);
  for (const { lines, marks, unreadable } of pieces) {
    if (unreadable !== undefined) {
      part.lost = { count: part.lost.count + unreadable.count, first: part.lost.first || unreadable.first };
    }
    part.marks = thinned([...part.marks, ...marks.map(({ row, offset }) => ({ row: row + part.rows, offset }))]);
    part.rows += lines;
  }
  part.end = end;
  part.ending = ending;
}

/** Every second one is enough where there are many. */
const thinned = (marks: Mark[]): Mark[] =>
  marks.length <= MARKS ? marks : marks.filter((_, index) => index % 2 === 0);

/** The bytes before a place. */
export async function endingAt(end: number, file: FileHandle, length = ENDING): Promise<Buffer> {
  const ending = Buffer.alloc(Math.min(end, length));
  await file.read(ending, 0, ending.length, end - ending.length);
  return ending;
}
