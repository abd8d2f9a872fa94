import type { FileHandle } from 'node:fs/promises';
import { lineText } from '@tributary/shared';
import { openPart, type PartFile, type PartHeader, PartReplacedError, PartUnreadableError } from './part-file.js';
import type { RowIndex } from './row-index.js';
import type { ValueColumns } from './value-columns.js';

/** What is known of a dataset's parts: where their rows are, and the values that are kept of them (see Contents). */
export interface IndexedParts {
  readonly index: RowIndex;
  readonly parts: readonly PartFile[];
  readonly values: ValueColumns;
}

/** Some rows of one part: its columns, the rows' numbers, and the text of their lines. */
export interface RowBatch {
  readonly header: PartHeader;
  readonly rows: readonly number[];
  readonly lines: readonly string[];
}

/** Rows that lie this close together are read at once; it also bounds what one batch holds (or it is one long row). */
const WINDOW = 1024 * 1024;

/**
 * Reads rows back from their parts.
 *
 * @param rows row numbers, ascending
 * @throws PartUnreadableError
 * @throws PartReplacedError if a part is another file now; what was yielded before is right all the same
 */
export async function* readRows(
  contents: IndexedParts,
  rows: Iterable<number>,
  signal: AbortSignal,
): AsyncGenerator<RowBatch> {
  let opened: { part: number; file: FileHandle } | undefined;
  try {
    for (const window of windows(contents.index, rows)) {
      signal.throwIfAborted();
      const part = contents.parts[window.part];
      if (part?.header === undefined) throw new Error(`the index names part ${window.part}, which has not been read`);
      if (opened?.part !== window.part) {
        await opened?.file.close();
        opened = undefined;
        opened = { part: window.part, file: await openPart(part) };
      }
      const buffer = Buffer.allocUnsafe(window.end - window.start);
      const { bytesRead } = await opened.file.read(buffer, 0, buffer.length, window.start).catch((error: unknown) => {
        throw new PartUnreadableError(part, error);
      });
      // Parts only grow; one that ends early was cut off under its old name.
      if (bytesRead < buffer.length) throw new PartReplacedError(part);
      const lines = window.rows.map((row) => {
        const { offset, length } = contents.index.place(row);
        const begin = offset - window.start;
        return lineText(buffer, begin, begin + length);
      });
      yield { header: part.header, rows: window.rows, lines };
    }
  } finally {
    await opened?.file.close();
  }
}

interface Window {
  readonly part: number;
  readonly start: number;
  end: number;
  readonly rows: number[];
}

function* windows(index: RowIndex, rows: Iterable<number>): Generator<Window> {
  let window: Window | undefined;
  for (const row of rows) {
    const { part, offset, length } = index.place(row);
    if (window !== undefined && window.part === part && offset + length - window.start <= WINDOW) {
      window.end = offset + length;
      window.rows.push(row);
    } else {
      if (window !== undefined) yield window;
      window = { part, start: offset, end: offset + length, rows: [row] };
    }
  }
  if (window !== undefined) yield window;
}
