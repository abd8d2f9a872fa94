import { type PackedText, readNumber } from './packed-text.js';

/** A kind of version as an order shows it (versionOrder), and how it is kept. */
interface VersionForm {
  /** The characters that it takes behind the letter. */
  readonly digits: number;
  /** @returns undefined for a version that this form cannot hold */
  write(version: string): number | undefined;
  read(value: number): string;
}

/** A version by what its order begins with. Its letter tells the other ones from it, and how long it is. */
const FORMS: Readonly<Record<string, VersionForm>> = {
  /** There is none. */
  n: { digits: 0, write: () => 0, read: () => '' },
  /** A whole number, in the 20 digits that an order gives it. */
  i: {
    digits: 9,
    write: (version) => (/^\d{20}$/.test(version) ? whole(Number(version)) : undefined),
    read: (value) => String(value).padStart(20, '0'),
  },
  /** A time with milliseconds. */
  m: {
    digits: 7,
    write: (version) => timeNumber(version, 1_000),
    read: (value) => timeText(value, 3),
  },
  /** A time with up to six digits of its fraction. Times have no zeros at their end beyond the third digit (instant.ts). */
  u: {
    digits: 9,
    write: (version) => (version.endsWith('0') ? undefined : timeNumber(version.padEnd(26, '0'), 1_000_000)),
    read: (value) => timeText(value, 6).replace(/0+$/, ''),
  },
};

/** The letter for a version of this length. */
const LETTERS: Readonly<Record<number, string>> = { 0: 'n', 20: 'i', 23: 'm', 24: 'u', 25: 'u', 26: 'u' };

/**
 * Writes the version that an order begins with, and its letter before it.
 * @param length that of the version: where the order's first space stands
 * @returns whether it could be written
 */
export function writeVersion(written: PackedText, order: string, length: number): boolean {
  const letter = LETTERS[length] ?? '';
  const form = FORMS[letter];
  const value = form?.write(order.slice(0, length));
  if (form === undefined || value === undefined) return false;
  written.letter(letter);
  written.number(value, form.digits);
  return true;
}

const formOf = (text: string): VersionForm => FORMS[text[0] ?? ''] ?? fail(text);

/** How many characters the version and its letter take. */
export const lengthOfVersion = (text: string): number => 1 + formOf(text).digits;

/** The version that {@link writeVersion} was given. */
export const readVersion = (text: string): string =>
  formOf(text).read(readNumber(text.slice(1, lengthOfVersion(text))));

function fail(text: string): never {
  throw new Error(`the ledger holds an order of an unknown form: ${text}`);
}

const whole = (value: number): number | undefined => (Number.isSafeInteger(value) ? value : undefined);

const FIRST_YEAR = 1970;
/** So many that a time with milliseconds fits into seven characters, and one with microseconds into a number. */
const YEARS = 136;

const TIME = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3,6}$/;

/** Each part of a time counts as one digit of a number, as in 24 hours of 60 minutes: no calendar is needed to read it back. */
function timeNumber(version: string, fractions: number): number | undefined {
  if (!TIME.test(version)) return undefined;
  const year = digitsAt(version, 0, 4) - FIRST_YEAR;
  if (year < 0 || year >= YEARS) return undefined;
  const days = (year * 12 + digitsAt(version, 5, 2) - 1) * 31 + digitsAt(version, 8, 2) - 1;
  const minutes = (days * 24 + digitsAt(version, 11, 2)) * 60 + digitsAt(version, 14, 2);
  return (minutes * 60 + digitsAt(version, 17, 2)) * fractions + digitsAt(version, 20, version.length - 20);
}

function digitsAt(text: string, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++) value = value * 10 + text.charCodeAt(at) - 0x30;
  return value;
}

function timeText(value: number, digits: number): string {
  const parts: string[] = [];
  let left = value;
  for (const [count, first, width] of [
    [10 ** digits, 0, digits],
    [60, 0, 2],
    [60, 0, 2],
    [24, 0, 2],
    [31, 1, 2],
    [12, 1, 2],
  ] as const) {
    const above = Math.floor(left / count);
    parts.push(String(left - above * count + first).padStart(width, '0'));
    left = above;
  }
  const [fraction, second, minute, hour, day, month] = parts;
  return `${left + FIRST_YEAR}-${month}-${day}T${hour}:${minute}:${second}.${fraction}`;
}
