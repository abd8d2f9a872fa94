import { inUnits } from '../../../operate/described.js';
import { Unreadable } from '../../port.js';
import type { Batch } from './framer.js';
import type { LineFramer, LineParser } from './lines.js';

export interface CsvOptions {
  /** As bytes, one in a character. */
  readonly delimiter: string;
  /** The same; undefined if nothing quotes. */
  readonly quote: string | undefined;
  /** The names of the columns; a number if nothing names them, and so many cells are in the first line. */
  readonly columns: readonly string[] | number;
  /** Whether a line may lack its last cells. */
  readonly short: boolean;
}

type Quoted =
  | { readonly cells: string[]; readonly end: number }
  /** More bytes may show it. */
  | 'more'
  | { readonly fault: string };

/**
 * The lines of a CSV file (RFC 4180, and what is common beside it: other delimiters, LF, blank lines, quotes within a cell that is not
 * quoted). A quote that is never closed would make one cell of all that follows. So a line whose quotes do not close within `maxSize`, or
 * close before other text, or close lines later with another number of cells, is bad by itself, and the reading goes on with the next line.
 */
export class CsvParser implements LineParser {
  readonly #csv: CsvOptions;
  readonly #count: number;
  readonly #columns: readonly string[] | undefined;
  readonly #isPlain: boolean;
  readonly #quotes: Places;
  readonly #lineEnds = new Places('\n');
  readonly #delimiters: Places;

  constructor(options: CsvOptions) {
    this.#csv = options;
    const { columns, delimiter, quote } = options;
    this.#quotes = new Places(quote);
    this.#delimiters = new Places(delimiter);
    this.#columns = typeof columns === 'number' ? undefined : columns;
    this.#count = typeof columns === 'number' ? columns : columns.length;
    this.#isPlain = this.#columns?.every((name) => !(name in Object.prototype)) ?? true;
  }

  loaded({ text }: LineFramer): void {
    for (const places of [this.#quotes, this.#lineEnds, this.#delimiters]) places.load(text);
  }

  record(lines: LineFramer, batch: Batch, end: number, next: number): boolean {
    const { position, text: all } = lines;
    const number = lines.line + 1;
    if (this.#quotes.from(position) >= end) {
      const text = lines.take(batch, end, next);
      if (text === undefined || text === '') return true;
      lines.add(batch, this.#recordOf(text.split(this.#csv.delimiter), text), number);
      return true;
    }
    const quoted = this.#quoted(lines, position);
    if (quoted === 'more') return false;
    if ('fault' in quoted) {
      this.#refuse(lines, batch, quoted.fault, end, next);
      return true;
    }
    if (quoted.end > next && !this.#fits(quoted.cells.length)) {
      const fault = `a quote opens in it, and closes ${linesIn(all, position, quoted.end) - 1} lines later with ${quoted.cells.length} cells, where ${this.#count} are expected`;
      this.#refuse(lines, batch, fault, end, next);
      return true;
    }
    const count = quoted.end > next ? linesIn(all, position, quoted.end) : 1;
    const bytes = all.slice(position, quoted.end);
    const cells = bytes.includes('\0') ? undefined : this.#decoded(lines, quoted.cells);
    if (cells === undefined) {
      const fault = bytes.includes('\0')
        ? 'it holds NUL bytes'
        : `it holds bytes that are no ${lines.options.encoding.toUpperCase()}`;
      lines.bad(batch, fault, bytes);
    } else lines.add(batch, this.#recordOf(cells, bytes), number);
    lines.line += count;
    lines.position = quoted.end;
    return true;
  }

  #refuse(lines: LineFramer, batch: Batch, fault: string, end: number, next: number): void {
    lines.bad(batch, fault, lines.text.slice(lines.position, end));
    lines.line += 1;
    lines.position = next;
  }

  #fits(cells: number): boolean {
    return cells === this.#count || (this.#csv.short && cells < this.#count);
  }

  #decoded({ options }: LineFramer, cells: readonly string[]): string[] | undefined {
    const decoded: string[] = [];
    for (const cell of cells) {
      const text = options.decode(cell);
      if (text === undefined) return undefined;
      decoded.push(text);
    }
    return decoded;
  }

  /** The cells of the record that begins at a place, where quotes are. */
  #quoted({ text, isLast, options }: LineFramer, from: number): Quoted {
    const { delimiter, quote = '"' } = this.#csv;
    const { maxSize, growing } = options;
    const more = (): Quoted => {
      if (text.length - from > maxSize) return { fault: unclosed(maxSize) };
      if (!isLast || growing) return 'more';
      return { fault: 'a quote opens in it and does not close before the end of the file' };
    };
    const cells: string[] = [];
    let at = from;
    for (;;) {
      if (text.startsWith(quote, at)) {
        let close = text.indexOf(quote, at + quote.length);
        while (close !== -1 && text.startsWith(quote, close + quote.length)) {
          close = text.indexOf(quote, close + 2 * quote.length);
        }
        if (close === -1) return more();
        if (close - from > maxSize) return { fault: unclosed(maxSize) };
        const behind = close + quote.length;
        // The quote may be the first of two.
        if (behind >= text.length && !isLast) return more();
        cells.push(text.slice(at + quote.length, close).replaceAll(quote + quote, quote));
        if (text.startsWith(delimiter, behind)) {
          at = behind + delimiter.length;
          continue;
        }
        if (behind >= text.length) return growing ? 'more' : { cells, end: behind };
        const ending = /^\r?(?:\n|$)/.exec(text.slice(behind, behind + 2))?.[0];
        if (ending === undefined) return { fault: 'text stands behind a closing quote' };
        if (!ending.endsWith('\n') && (!isLast || growing)) return more();
        return { cells, end: behind + ending.length };
      }
      const [lineEnd, cellEnd] = [this.#lineEnds.from(at), this.#delimiters.from(at)];
      if (cellEnd < lineEnd) {
        cells.push(text.slice(at, cellEnd));
        at = cellEnd + delimiter.length;
        continue;
      }
      const isCutOff = lineEnd === Number.POSITIVE_INFINITY;
      if (isCutOff && !isLast) return more();
      if (isCutOff && growing) return 'more';
      const end = isCutOff ? text.length : lineEnd;
      cells.push(text.slice(at, end > at && text[end - 1] === '\r' ? end - 1 : end));
      return { cells, end: isCutOff ? end : lineEnd + 1 };
    }
  }

  #recordOf(cells: readonly string[], text: string): unknown {
    const columns = this.#columns;
    if (!this.#fits(cells.length)) {
      const wanted = columns === undefined ? `the first line has ${this.#count}` : `there are ${this.#count} columns`;
      return new Unreadable(`it has ${cells.length} cells, and ${wanted}`, text.slice(0, 4_000));
    }
    if (columns === undefined) return cells;
    const record: Record<string, string> = this.#isPlain ? {} : Object.create(null);
    for (let index = 0; index < cells.length; index++) record[columns[index] as string] = cells[index] as string;
    return record;
  }
}

/** Where something stands in a text. It is looked for once: a line of a million cells would be read to its end for each, or all of the text. */
class Places {
  readonly #what: string | undefined;
  #text = '';
  #from = 0;
  #found = -1;

  /** @param what undefined for what stands nowhere */
  constructor(what: string | undefined) {
    this.#what = what;
  }

  load(text: string): void {
    this.#text = text;
    this.#found = -1;
  }

  /** The first place at or behind this one; beyond the end of the text if there is none. */
  from(place: number): number {
    if (place > this.#found || place < this.#from) {
      const found = this.#what === undefined ? -1 : this.#text.indexOf(this.#what, place);
      this.#from = place;
      this.#found = found === -1 ? Number.POSITIVE_INFINITY : found;
    }
    return this.#found;
  }
}

const unclosed = (maxSize: number): string =>
  `a quote opens in it and does not close within ${inUnits(maxSize)} (maxRecordSize)`;

function linesIn(text: string, from: number, to: number): number {
  let lines = 0;
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) lines += 1;
  return text[to - 1] === '\n' ? lines : lines + 1;
}
