import { contentHash, type Dataset, type Line, type Neutralised, SYSTEM_COLUMNS, splitCells } from '@tributary/shared';
import type { LandedRow } from '../port.js';
import { headerOf, readLine } from './format.js';
import { closesQuotes, type PhysicalLine, physicalLines } from './physical-lines.js';

/** A row of a part, or what stands in the place of one. */
export type PartRow = {
  /** Line of the file at which it begins, from 1. */
  readonly number: number;
  /** Byte at which it begins. */
  readonly offset: number;
  /** False for the last line of a file that does not end in a line end. */
  readonly ended: boolean;
} & ({ readonly row: LandedRow } | { readonly fault: string; readonly text: string });

export interface PartReading {
  readonly dataset: Dataset;
  readonly neutralised: Neutralised;
  /**
   * Whether each row has to prove itself by its content hash: another program has changed the part. Without it a row is taken
   * as it stands, as nothing but a sink has written to the part.
   */
  readonly verify: boolean;
}

/** A row may have line ends in its cells. A quote that is not closed within so many characters is taken for a stray one. */
const LONGEST_ROW = 64 * 1024 * 1024;
/** The fault of a line whose quotes are open at the end of the file. */
export const OPEN_QUOTE = 'a quote is not closed';
const BYTE_ORDER_MARK = '\ufeff';

/**
 * Reads what can be read of a part, and tells line by line what cannot: another program may have written to it. After a line that
 * is no row it goes on with the next one, so a quote that is never closed hides nothing that follows.
 *
 * If the part has no header of Tributary, and its first line is no row either, one fault tells so and nothing more is read.
 */
export async function* readPartRows(path: string, reading: PartReading): AsyncGenerator<PartRow> {
  const rows = new RowReader(reading);
  for await (const line of physicalLines(path)) {
    yield* rows.take(line);
    if (rows.isForeign) return;
  }
  yield* rows.finish();
}

class RowReader {
  readonly #reading: PartReading;
  #header: readonly string[] | undefined;
  /** Lines of a row whose quotes are not closed yet. */
  #held: PhysicalLine[] = [];
  #heldLength = 0;
  #isClosed = true;
  /** Set when the first line is neither a header nor a row. */
  isForeign = false;

  constructor(reading: PartReading) {
    this.#reading = reading;
  }

  *take(line: PhysicalLine): Generator<PartRow> {
    const waiting = [line];
    for (let next = waiting.pop(); next !== undefined && !this.isForeign; next = waiting.pop()) {
      this.#held.push(next);
      this.#heldLength += next.text.length;
      if (!closesQuotes(next.text)) this.#isClosed = !this.#isClosed;
      if (!this.#isClosed && this.#heldLength < LONGEST_ROW) continue;
      yield* this.#judge(waiting);
    }
  }

  /** The file has ended: what is held is no row with its quotes open, but there may be rows in it. */
  *finish(): Generator<PartRow> {
    const waiting: PhysicalLine[] = [];
    while (this.#held.length > 0 && !this.isForeign) {
      yield* this.#judge(waiting);
      for (let next = waiting.pop(); next !== undefined && !this.isForeign; next = waiting.pop())
        yield* this.take(next);
    }
  }

  /** @param waiting takes the lines that have to be looked at again, each for itself; the next one last */
  *#judge(waiting: PhysicalLine[]): Generator<PartRow> {
    const held = this.#held;
    const isClosed = this.#isClosed;
    this.#held = [];
    this.#heldLength = 0;
    this.#isClosed = true;
    const [first] = held;
    const last = held.at(-1);
    if (first === undefined || last === undefined) return;
    const { number, offset } = first;
    const text = isClosed ? joined(held) : first.text;
    const result = isClosed ? this.#read(text) : OPEN_QUOTE;
    if (result === undefined) return;
    if (typeof result !== 'string') {
      yield { number, offset, ended: last.lineEnd !== '', row: result };
      return;
    }
    // What seems to be one row may be several: a stray quote has joined them.
    for (let index = held.length - 1; index > 0; index--) waiting.push(held[index] ?? first);
    yield { number, offset, ended: first.lineEnd !== '', fault: result, text: first.text };
  }

  /** @returns undefined for the header, a row, or why it is none */
  #read(text: string): LandedRow | string | undefined {
    const { dataset } = this.#reading;
    // A write behind the end of a file that another program has cut leaves them.
    if (text.includes('\0')) return 'it holds zero bytes';
    if (this.#header === undefined) {
      const cells = splitCells(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text);
      if (isHeader(cells)) {
        this.#header = cells;
        return undefined;
      }
      // A program may have removed the header, and left the rows.
      const expected = headerOf(dataset);
      const row = cells.length === expected.length ? this.#readRow(cells, expected) : undefined;
      if (row === undefined || typeof row === 'string') {
        this.isForeign = true;
        return 'the file does not begin with the header of a part, so none of it is read';
      }
      this.#header = expected;
      return row;
    }
    const cells = splitCells(text);
    if (cells.length !== this.#header.length) {
      return `it has ${cells.length} cells, and the header ${this.#header.length}`;
    }
    return this.#readRow(cells, this.#header);
  }

  #readRow(cells: readonly string[], header: readonly string[]): LandedRow | string {
    const { dataset, neutralised, verify } = this.#reading;
    const line: Line = Object.fromEntries(header.map((name, index) => [name, cells[index] ?? '']));
    if (line._deleted !== 'true' && line._deleted !== 'false') return 'its _deleted is neither true nor false';
    const row = readLine(line, dataset, neutralised);
    if (!verify || row.deleted) return row;
    const hash = contentHash(dataset.hashedAs, row.key, { ...row.values });
    return hash === row.hash ? row : 'its cells are not what was written: they do not make its _hash';
  }
}

const isHeader = (cells: readonly string[]): boolean => SYSTEM_COLUMNS.every((name) => cells.includes(name));

function joined(lines: readonly PhysicalLine[]): string {
  if (lines.length === 1) return lines[0]?.text ?? '';
  const last = lines.length - 1;
  return lines.map(({ text, lineEnd }, index) => (index < last ? text + lineEnd : text)).join('');
}
