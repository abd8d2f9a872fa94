import { type FileHandle, open } from 'node:fs/promises';
import { type Neutralised, splitCells, wholeLines, withoutGuard } from '@tributary/shared';
import type { Mark, PartHeader, Unreadable } from './part-file.js';

/** Lines for DuckDB. */
export interface Staged {
  /** Just behind the last whole line. */
  readonly end: number;
  readonly lines: number;
  /** Some of the lines, counted from the first one here. */
  readonly marks: readonly Mark[];
}

const CHUNK = 1024 * 1024;
/** DuckDB compresses and stores so many rows together. Of more, the rest stays in memory for a while. */
const MOST_LINES = 122_880;
const [QUOTE, APOSTROPHE, LINE_FEED, BACKSLASH] = [0x22, 0x27, 0x0a, 0x5c];
/** `;`, tab, carriage return and line feed: behind them a text may have been neutralised (see formulas.ts). */
const SEPARATORS: ReadonlySet<number> = new Set([0x3b, 0x09, 0x0d, LINE_FEED]);

interface Copied {
  /** Bytes that no line exceeds. */
  readonly longest: number;
  /**
   * Where something may have been neutralised (see formulas.ts and GUARDED_SEMICOLON). DuckDB's functions cannot undo what was done
   * `within` a text.
   */
  readonly guards: 'none' | 'before' | 'within';
}

/**
 * Copies whole lines as they stand. As for `wholeLines`, a line end counts only where every quote before it is closed.
 * @param to byte to stop at; the file may have grown beyond it
 * @param most bytes after which no other line is begun, about
 */
export async function copyLines(
  file: FileHandle,
  from: number,
  to: number,
  most: number,
  path: string,
): Promise<Staged & Copied> {
  const marks: Mark[] = [{ row: 0, offset: from }];
  let [position, end, lines, longest, before] = [from, from, 0, 0, 0];
  let quoted = false;
  let guards: Copied['guards'] = 'none';
  const copy = await open(path, 'w');
  try {
    // Not a stream, which closes the file if it is not read to its end.
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, most, to - from));
    while (position < to && end - from < most && lines < MOST_LINES) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, to - position), position);
      if (bytesRead === 0) break;
      const bytes = buffer.subarray(0, bytesRead);
      await copy.write(bytes);
      const linesBefore = lines;
      for (let index = 0; index < bytes.length && lines < MOST_LINES; index++) {
        const byte = bytes[index] ?? 0;
        if (byte === QUOTE) quoted = !quoted;
        else if (byte === LINE_FEED && !quoted) {
          const next = position + index + 1;
          longest = Math.max(longest, next - end);
          end = next;
          lines++;
        } else if (byte === APOSTROPHE) {
          const last = index === 0 ? before : (bytes[index - 1] ?? 0);
          // Behind a line end outside of quotes a cell begins.
          if (SEPARATORS.has(last) && (last !== LINE_FEED || quoted)) guards = 'within';
          else if (guards === 'none') guards = 'before';
        } else if (byte === BACKSLASH && guards === 'none') guards = 'before';
      }
      before = bytes.at(-1) ?? 0;
      position += bytes.length;
      if (lines > linesBefore) marks.push({ row: lines, offset: end });
    }
    await copy.truncate(end - from);
  } finally {
    await copy.close();
  }
  return { end, lines, longest, marks, guards };
}

/** How the sink writes a `;` in JSON before what a spreadsheet might calculate. */
export const GUARDED_SEMICOLON = '\\u003b';

/**
 * Reads lines as the sink wrote them, with the cells as they were meant.
 * @param take takes some of them at a time
 */
export async function readLines(
  file: FileHandle,
  { from, to }: { readonly from: number; readonly to: number },
  { columns, isText }: PartHeader,
  neutralised: Neutralised,
  take: (rows: readonly (readonly string[])[]) => void,
): Promise<Staged & { readonly unreadable: Unreadable }> {
  const marks: Mark[] = [{ row: 0, offset: from }];
  let [end, lines, count] = [from, 0, 0];
  let first = '';
  const meant = (cell: string, index: number) =>
    isText[index] === true ? withoutGuard(cell, neutralised) : cell.replaceAll(GUARDED_SEMICOLON, ';');
  for await (const batch of wholeLines(file, from, to)) {
    const rows: string[][] = [];
    for (const { text, offset, length } of batch) {
      end = offset + length;
      const cells = splitCells(text);
      if (cells.length === columns.length) {
        rows.push(cells.map(meant));
        continue;
      }
      count++;
      first ||= `at byte ${offset}, has ${cells.length} cells instead of ${columns.length}`;
    }
    lines += rows.length;
    marks.push({ row: lines, offset: end });
    take(rows);
  }
  return { end, lines, marks, unreadable: { count, first } };
}
