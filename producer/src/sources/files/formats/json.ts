import { inUnits } from '../../../operate/described.js';
import { Unreadable } from '../../port.js';
import type { Batch, Framer, Standing } from './framer.js';
import { recordIn } from './ndjson.js';
import type { Decode } from './text.js';
import { ValueEnds } from './value-ends.js';

export interface JsonOptions {
  readonly decode: Decode;
  readonly encoding: string;
  readonly maxSize: number;
  readonly from: Standing;
  /** Whether the reading begins within the list, or before a document that is no list: then its values follow each other. */
  readonly isInList: boolean;
}

/** Values of a JSON list, or one behind the other, found by their brackets and parsed one at a time. */
export class JsonFramer implements Framer {
  readonly unit = 'record';
  readonly #options: JsonOptions;
  #text = '';
  #ends = new ValueEnds('');
  #isLast = false;
  #position = 0;
  #base: number;
  #number: number;
  #isOver = false;
  #skipping = false;

  constructor(options: JsonOptions) {
    this.#options = options;
    this.#base = options.from.at;
    this.#number = options.from.number;
  }

  get standing(): Standing | undefined {
    return this.#skipping ? undefined : { at: this.#base + this.#position, number: this.#number };
  }

  get used(): number {
    return this.#position;
  }

  load(bytes: Buffer, isLast: boolean): void {
    this.#base += this.#position;
    this.#position = 0;
    this.#isLast = isLast;
    this.#text = bytes.toString('latin1');
    this.#ends = new ValueEnds(this.#text);
  }

  frame(batch: Batch, limit: number): boolean {
    while (batch.records.length < limit) {
      if (this.#isOver) {
        this.#position = this.#text.length;
        return false;
      }
      if (this.#skipping && !this.#skip()) return false;
      if (!this.#record(batch)) return false;
    }
    return true;
  }

  #record(batch: Batch): boolean {
    const text = this.#text;
    const { maxSize, isInList } = this.#options;
    BETWEEN.lastIndex = this.#position;
    const begin = BETWEEN.exec(text)?.index ?? text.length;
    this.#position = begin;
    if (begin === text.length) {
      if (!this.#isLast) return false;
      this.#isOver = true;
      if (isInList) this.#bad(batch, 'the file ends within the list: it was cut off', '');
      return true;
    }
    if (text[begin] === ']' && isInList) {
      this.#isOver = true;
      return true;
    }
    const end = endOfValue(text, begin, this.#isLast, this.#ends);
    if (end === undefined || end - begin > maxSize) {
      if (!this.#isLast && text.length - begin <= maxSize) return false;
      const fault =
        end === undefined && this.#isLast
          ? 'the file ends within it: it was cut off, or its brackets do not close'
          : `it is longer than ${inUnits(maxSize)} (maxRecordSize), or its brackets do not close`;
      // The next one shows itself: with all that follows in each, a file of a megabyte would make dead letters of gigabytes.
      this.#bad(batch, fault, text.slice(begin, begin + SHOWN).split(NEXT, 1)[0] ?? '');
      this.#position = begin + 1;
      this.#skipping = true;
      this.#ends.remember();
      return true;
    }
    const bytes = text.slice(begin, end);
    const decoded = this.#options.decode(bytes);
    if (decoded === undefined)
      this.#bad(batch, `it holds bytes that are no ${this.#options.encoding.toUpperCase()}`, bytes);
    else this.#add(batch, recordIn(decoded));
    this.#position = end;
    return true;
  }

  /**
   * Behind a value whose end is not known, only a line that begins with a bracket surely begins the next one: indented lines may be a part of
   * it. @returns false if there is none yet
   */
  #skip(): boolean {
    const found = NEXT.exec(this.#text.slice(this.#position));
    if (found === null) {
      // The line end may be the last character.
      this.#position = Math.max(this.#position, this.#isLast ? this.#text.length : this.#text.length - 2);
      this.#isOver = this.#isLast;
      return false;
    }
    this.#position += found.index + 1;
    this.#skipping = false;
    return true;
  }

  #bad(batch: Batch, fault: string, bytes: string): void {
    const shown = Buffer.from(bytes.slice(0, SHOWN), 'latin1').toString('utf8');
    this.#add(batch, new Unreadable(fault, shown));
  }

  #add(batch: Batch, record: unknown): void {
    this.#number += 1;
    batch.records.push(record);
    batch.numbers.push(this.#number);
  }
}

const SHOWN = 4_000;
const BETWEEN = /[^\s,]/g;
/** Where the next value surely begins. */
const NEXT = /\n,?(?=[{[])/;

/** Behind the value that begins at a place; undefined if its end is not there. */
function endOfValue(text: string, begin: number, isLast: boolean, ends: ValueEnds): number | undefined {
  const first = text[begin];
  if (first === '"') return ends.ofText(begin);
  if (first === '{' || first === '[') return ends.of(begin);
  const length = text.slice(begin).search(/[\s,\]}]/);
  if (length === -1) return isLast ? text.length : undefined;
  return begin + Math.max(length, 1);
}

/**
 * Where the list begins whose records are read, just behind its bracket.
 * @param names the properties that lead to it
 * @returns undefined if more of the text is needed; `none` if it holds no such list
 */
export function beginningOfList(text: string, names: readonly string[]): number | 'none' | undefined {
  const skip = (from: number) => {
    BETWEEN.lastIndex = from;
    return BETWEEN.exec(text)?.index;
  };
  const ends = new ValueEnds(text);
  let at = skip(0);
  for (const name of names) {
    if (at === undefined) return undefined;
    if (text[at] !== '{') return 'none';
    let inside: number | undefined = at + 1;
    for (;;) {
      const key: number | undefined = skip(inside);
      if (key === undefined) return undefined;
      if (text[key] !== '"') return 'none';
      const end = ends.ofText(key);
      if (end === undefined) return undefined;
      const colon = skip(end);
      if (colon === undefined) return undefined;
      if (text[colon] !== ':') return 'none';
      const value = skip(colon + 1);
      if (value === undefined) return undefined;
      if (nameIn(text.slice(key, end)) === name) {
        at = value;
        break;
      }
      inside = endOfValue(text, value, false, ends);
      if (inside === undefined) return undefined;
    }
  }
  if (at === undefined) return undefined;
  return text[at] === '[' ? at + 1 : 'none';
}

function nameIn(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'latin1').toString('utf8'));
  } catch {
    return undefined;
  }
}
