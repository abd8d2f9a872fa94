import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';

/** A line of a CSV file, or what stands in place of one. */
export type CsvLine = { readonly number: number } & (
  | { readonly cells: readonly string[] }
  /** `atEnd`: the file ends in the middle of it, as it does while it is being written. */
  | { readonly fault: string; readonly atEnd: boolean }
);

const QUOTE = 0x22;
const COMMA = 0x2c;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
const CHUNK = 1024 * 1024;

/**
 * Reads CSV to the letter of RFC 4180: CR LF ends a line, quotes stand around whole cells, quotes within are doubled.
 * What the parser of the pipeline forgives, or repairs, is a fault here. After a fault it goes on behind the next line
 * end, so that one torn line does not hide those behind it.
 *
 * A file whose first line ends in LF was saved by another program (dos2unix, an editor). There LF ends a line, too: the rows are whole, and
 * their hashes show whether they are what was written.
 */
export async function* readCsvLines(path: string): AsyncGenerator<CsvLine> {
  const lines = new Lines();
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
    lines.add(chunk as Buffer);
    yield* lines.whole();
  }
  // An open quote may have swallowed whole lines up to the end of the file.
  for (let broken = lines.skipBroken(); broken !== undefined; broken = lines.skipBroken()) {
    yield broken;
    yield* lines.whole();
  }
}

/** Bytes that come in chunks, taken out line by line. */
class Lines {
  #bytes: Buffer = Buffer.alloc(0);
  #number = 0;
  #endsInLf = false;

  add(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  *whole(): Generator<CsvLine> {
    let from = 0;
    for (let line = this.#next(from); line !== undefined; line = this.#next(from)) {
      from = line.end;
      const number = ++this.#number;
      yield 'cells' in line ? { number, cells: line.cells } : { number, fault: line.fault, atEnd: false };
    }
    this.#bytes = this.#bytes.subarray(from);
  }

  #next(from: number): Read | undefined {
    const line = readLine(this.#bytes, from, this.#endsInLf || this.#number === 0);
    if (line !== undefined && this.#number === 0) this.#endsInLf = this.#bytes[line.end - 2] !== CARRIAGE_RETURN;
    return line;
  }

  /** Takes out what is left up to the next line end of any kind. */
  skipBroken(): CsvLine | undefined {
    if (this.#bytes.length === 0) return undefined;
    const lineEnd = this.#bytes.indexOf(LINE_FEED);
    this.#bytes = this.#bytes.subarray(lineEnd === -1 ? this.#bytes.length : lineEnd + 1);
    return { number: ++this.#number, fault: 'the line is not complete', atEnd: this.#bytes.length === 0 };
  }
}

type Read = { readonly end: number } & ({ readonly cells: string[] } | { readonly fault: string });

/** The line that begins at `from`; undefined if it is not whole yet. */
function readLine(bytes: Buffer, from: number, mayEndInLf: boolean): Read | undefined {
  const cells: string[] = [];
  for (let at = from; ; ) {
    const cell = bytes[at] === QUOTE ? quotedCell(bytes, at) : plainCell(bytes, at);
    if (cell === undefined) return undefined;
    cells.push(cell.text);
    const next = bytes[cell.end];
    if (next === COMMA) {
      at = cell.end + 1;
      continue;
    }
    if (next === CARRIAGE_RETURN && cell.end + 1 >= bytes.length) return undefined;
    if (next === CARRIAGE_RETURN && bytes[cell.end + 1] === LINE_FEED) {
      const end = cell.end + 2;
      return isUtf8(bytes.subarray(from, end)) ? { cells, end } : { fault: 'the line is not UTF-8', end };
    }
    if (next === LINE_FEED && mayEndInLf) {
      const end = cell.end + 1;
      return isUtf8(bytes.subarray(from, end)) ? { cells, end } : { fault: 'the line is not UTF-8', end };
    }
    // Where the quotes are wrong, what seems to be one cell may be several lines.
    const lineEnd = next === LINE_FEED ? cell.end : bytes.indexOf(LINE_FEED, from);
    if (lineEnd === -1) return undefined;
    return { fault: `cell ${cells.length} is not CSV as RFC 4180 has it`, end: lineEnd + 1 };
  }
}

interface Cell {
  readonly text: string;
  /** Where the byte behind it is; there is one. */
  readonly end: number;
}

function plainCell(bytes: Buffer, from: number): Cell | undefined {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === COMMA || byte === CARRIAGE_RETURN || byte === LINE_FEED || byte === QUOTE) {
      return { text: bytes.toString('utf8', from, at), end: at };
    }
  }
  return undefined;
}

function quotedCell(bytes: Buffer, from: number): Cell | undefined {
  let doubled = false;
  for (let at = bytes.indexOf(QUOTE, from + 1); at !== -1; at = bytes.indexOf(QUOTE, at + 2)) {
    if (at + 1 >= bytes.length) return undefined;
    if (bytes[at + 1] !== QUOTE) {
      const text = bytes.toString('utf8', from + 1, at);
      return { text: doubled ? text.replaceAll('""', '"') : text, end: at + 1 };
    }
    doubled = true;
  }
  return undefined;
}
