import { randomBytes } from 'node:crypto';
import canonicalize from 'canonicalize';
import { compareNumber, parse } from 'lossless-json';
import { plainDecimal } from './decimal.js';

/**
 * A number of a JSON text that a double would alter: 1374004777531007833 would become 1374004777531007700, 1e400 would
 * become Infinity. It has no properties of its own, so no path leads into it.
 */
export class ExactNumber {
  readonly #text: string;

  /** @param text the number as it stands in the JSON text */
  constructor(text: string) {
    this.#text = text;
  }

  /** The number as it came. */
  toString(): string {
    return this.#text;
  }

  /** For JSON.stringify, which cannot write such a number: text, unless one of the functions below is at work. */
  toJSON(): string {
    return writing === undefined ? this.#text : mark(writing, this.#text);
  }
}

/**
 * The double that a number stands for: it is the one that the digits were written of, be it with more of them than are needed
 * (0.10000000000000001 is 0.1). Undefined if it would be altered.
 */
export function doubleOf(text: string): number | undefined {
  const double = Number(text);
  const plain = plainDecimal(text);
  if (!Number.isFinite(double) || plain === undefined) return undefined;
  if (isSame(plain, double)) return double;
  const digits = plain.replace('.', '').replaceAll(/^-?0*|0+$/g, '').length;
  if (digits > 100) return undefined;
  return compareNumber(plain, double.toPrecision(digits)) === 0 ? double : undefined;
}

/** 16 digits or more stand together: only such a number, or one with a large exponent, can be more than a double holds. */
const MANY_DIGITS = new RegExp('[\\d.]'.repeat(16));
const LARGE_EXPONENT = /\d[eE][+-]?\d\d\d/;
/** The same in the place of a value. Identifiers of 16 digits and more are often sent as text, which is no reason to go slowly. */
const NUMBER = String.raw`(?:^|[[:,\s])-?`;
const LARGE_NUMBER = new RegExp(`${NUMBER}(?:${MANY_DIGITS.source}|\\d[\\d.]*[eE][+-]?\\d\\d\\d)`);

/**
 * What a JSON text says, as JSON.parse has it, but for numbers that a double would alter: each is an {@link ExactNumber}.
 * Looking for them costs a tenth of the parsing; a text that has some takes ten times as long as one that has none.
 *
 * @throws SyntaxError as JSON.parse does
 */
export function parseJson(text: string): unknown {
  const mayBeLarge = MANY_DIGITS.test(text) || LARGE_EXPONENT.test(text);
  if (!mayBeLarge || !LARGE_NUMBER.test(text)) return JSON.parse(text) as unknown;
  try {
    return parse(text, undefined, { parseNumber: exactNumber, onDuplicateKey: ({ newValue }) => newValue });
  } catch (cause) {
    if (cause instanceof RangeError) throw new SyntaxError('it is nested too deep', { cause });
    throw cause;
  }
}

function exactNumber(text: string): number | ExactNumber {
  const double = Number(text);
  return isSame(text, double) ? double : new ExactNumber(text);
}

/** Whether writing the double gives the same number again. */
const isSame = (text: string, double: number): boolean =>
  Number.isFinite(double) && compareNumber(text, String(double)) === 0;

/** What is being written, while it is being written: `plain` has no exponents. */
let writing: 'as it came' | 'plain' | undefined;
let marks = 0;

/** Random, and known here only, so that no text of a record can pass for a number. */
const MARK = randomBytes(16).toString('hex');
const MARKED = new RegExp(`"${MARK}([^"]*)"`, 'g');

function mark(form: 'as it came' | 'plain', text: string): string {
  marks += 1;
  return `${MARK}${form === 'plain' ? canonicalNumber(text) : text}`;
}

/** RFC 8785 has the form of a double; of a number that is none, digits alone are the form that Postgres gives back. */
function canonicalNumber(text: string): string {
  const double = Number(text);
  return isSame(text, double) ? String(double) : (plainDecimal(text) ?? text);
}

function write(form: 'as it came' | 'plain', make: () => string | undefined): string | undefined {
  writing = form;
  marks = 0;
  try {
    const text = make();
    return marks === 0 ? text : text?.replaceAll(MARKED, '$1');
  } finally {
    writing = undefined;
  }
}

/** As JSON.stringify, with each {@link ExactNumber} as it came. */
export const stringifyJson = (value: unknown, indent?: number): string | undefined =>
  write('as it came', () => JSON.stringify(value, undefined, indent));

/**
 * Canonical JSON (RFC 8785), in which the same content always has the same text. Numbers that a double cannot hold, of
 * which RFC 8785 does not speak, stand there with all their digits and without an exponent, as Postgres gives them back.
 */
export const canonicalJson = (value: unknown): string | undefined => write('plain', () => canonicalize(value));
