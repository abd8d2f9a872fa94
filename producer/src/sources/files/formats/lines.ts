import { inUnits } from '../../../operate/described.js';
import { Unreadable } from '../../port.js';
import type { Batch, Framer, Standing } from './framer.js';
import type { Decode } from './text.js';

export interface LineOptions {
  readonly decode: Decode;
  /** The name of the encoding, for people. */
  readonly encoding: string;
  /** The longest record, in bytes. */
  readonly maxSize: number;
  /** A last line without its end is not read: it is still being written. */
  readonly growing: boolean;
  readonly from: Standing;
}

/** How the records of a format are found, where each begins on a line of its own. */
export interface LineParser {
  /** Other bytes are there, for what is looked up once in each piece. */
  loaded?(lines: LineFramer): void;
  /**
   * Reads the record that begins at `position`, and moves behind it.
   * @param end of its first line, without its line end; `next` is behind that
   * @returns false if it needs more bytes
   */
  record(lines: LineFramer, batch: Batch, end: number, next: number): boolean;
}

/** A file in which each record begins on a line of its own. */
export class LineFramer implements Framer {
  readonly unit = 'line';
  readonly options: LineOptions;
  readonly #parser: LineParser;
  /** The bytes that were loaded, one in a character. */
  text = '';
  isLast = false;
  position = 0;
  /** Lines that were read. */
  line: number;
  #base: number;
  #skipping = false;
  #hasNul = false;

  constructor(options: LineOptions, parser: LineParser) {
    this.options = options;
    this.#parser = parser;
    this.line = options.from.number;
    this.#base = options.from.at;
  }

  get standing(): Standing | undefined {
    return this.#skipping ? undefined : { at: this.#base + this.position, number: this.line };
  }

  get used(): number {
    return this.position;
  }

  load(bytes: Buffer, isLast: boolean): void {
    this.#base += this.position;
    this.position = 0;
    this.isLast = isLast;
    this.text = bytes.toString('latin1');
    this.#hasNul = bytes.includes(0);
    this.#parser.loaded?.(this);
  }

  frame(batch: Batch, limit: number): boolean {
    const { maxSize, growing } = this.options;
    while (batch.records.length < limit) {
      const { text, position } = this;
      if (position >= text.length) return false;
      const found = text.indexOf('\n', position);
      if (this.#skipping) {
        // The rest of a line that is too long is read over, and not kept.
        if (found === -1) {
          this.position = text.length;
          return false;
        }
        this.#skipping = false;
        this.position = found + 1;
        this.line += 1;
        continue;
      }
      if (found === -1 && !this.isLast) {
        if (text.length - position <= maxSize) return false;
        this.#bad(
          batch,
          `it is longer than ${inUnits(maxSize)} (maxRecordSize)`,
          text.slice(position, position + SHOWN),
        );
        this.#skipping = true;
        continue;
      }
      if (found === -1 && growing) return false;
      const end = found === -1 ? text.length : found;
      const next = found === -1 ? text.length : found + 1;
      if (end - position > maxSize) {
        this.#bad(
          batch,
          `it is longer than ${inUnits(maxSize)} (maxRecordSize)`,
          text.slice(position, position + SHOWN),
        );
        this.line += 1;
        this.position = next;
        continue;
      }
      if (end === position) {
        // A packed file of some kilobytes may hold a billion of them.
        this.line += 1;
        this.position = next;
        continue;
      }
      if (this.#isMarked(position)) {
        this.#bad(batch, MARKED, text.slice(position, end));
        this.line += 1;
        this.position = next;
        continue;
      }
      if (!this.#parser.record(this, batch, end, next)) return false;
    }
    return true;
  }

  /** Whether a byte order mark stands there, and the file does not begin with it. */
  #isMarked(position: number): boolean {
    const { text, options } = this;
    if (text.charCodeAt(position) !== 0xef || this.#base + position === 0) return false;
    return options.encoding === 'utf-8' && text.startsWith(MARK, position);
  }

  /** The text of a line without its line end; undefined if it is bad, which is told then. It moves behind the line. */
  take(batch: Batch, end: number, next: number): string | undefined {
    const { text, position } = this;
    const last = text.charCodeAt(end - 1) === CARRIAGE_RETURN && end > position ? end - 1 : end;
    const bytes = text.slice(position, last);
    this.position = next;
    const decoded = this.#hasNul && bytes.includes('\0') ? undefined : this.options.decode(bytes);
    if (decoded === undefined) this.#undecodable(batch, bytes);
    this.line += 1;
    return decoded;
  }

  /** @param bytes what is known of the line that is bad; its number is the next one */
  bad(batch: Batch, fault: string, bytes: string): void {
    this.#bad(batch, fault, bytes);
  }

  add(batch: Batch, record: unknown, number: number): void {
    batch.records.push(record);
    batch.numbers.push(number);
  }

  #undecodable(batch: Batch, bytes: string): void {
    const fault = bytes.includes('\0')
      ? 'it holds NUL bytes'
      : `it holds bytes that are no ${this.options.encoding.toUpperCase()}`;
    this.#bad(batch, fault, bytes);
  }

  #bad(batch: Batch, fault: string, bytes: string): void {
    this.add(batch, new Unreadable(fault, showable(bytes)), this.line + 1);
  }
}

const MARK = '\xef\xbb\xbf';
const MARKED =
  'a byte order mark stands at its beginning: another file was appended to this one, and this may be the line with the names of its columns';

/** Characters of a bad line that its dead letter shows. */
const SHOWN = 4_000;
const CARRIAGE_RETURN = 0x0d;

/** Bytes as text that a person can read, whatever they are. */
const showable = (bytes: string): string =>
  Buffer.from(bytes.slice(0, SHOWN), 'latin1').toString('utf8').replaceAll('\0', '\u2400');
