import { instantOf, MONTHS, offsetOf, type TimeParts } from './instant.js';
import { type TimeZone, timeZone } from './zone.js';

/**
 * How a time is written, as `dd/MM/yyyy HH:mm` (the letters of Unicode's date patterns, UTS 35). The libraries that do this
 * (luxon, date-fns, dayjs) hold milliseconds, and would silently cut further digits; here every digit counts.
 */
export interface TimePattern {
  /** The moment that a text names, with all its digits; undefined if the text is not written like this. */
  read(text: string): string | undefined;
  /** How a moment, in milliseconds since 1970, is written. */
  write(milliseconds: number): string;
}

/** A pattern that cannot be read, in words. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

const LONG_MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const LONG_DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

type Mutable = { -readonly [K in keyof TimeParts]: TimeParts[K] } & { afternoon?: boolean };

interface Token {
  /** What it looks like in a text; exactly one group. */
  readonly looks: string;
  take(text: string, parts: Mutable): void;
  /**
   * @param date what the clock shows, as if it were UTC
   * @param offset how far it is ahead of UTC, in minutes
   */
  write(date: Date, offset: number): string;
}

const pad = (number: number, length: number): string => String(number).padStart(length, '0');
const oneOf = (names: readonly string[]): string => `(${names.join('|')})`;
const indexIn = (names: readonly string[], text: string): number =>
  names.findIndex((name) => name.toLowerCase() === text.toLowerCase());

const number = (
  name: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second',
  looks: string,
  write: (date: Date) => string,
): Token => ({
  looks,
  take(text, parts) {
    parts[name] = Number(text);
  },
  write,
});

const months = (names: readonly string[]): Token => ({
  looks: oneOf(names),
  take(text, parts) {
    parts.month = indexIn(names, text) + 1;
  },
  write: (date) => names[date.getUTCMonth()] ?? '',
});
/** The date says it already. */
const weekdays = (names: readonly string[]): Token => ({
  looks: oneOf(names),
  take: () => {},
  write: (date) => names[date.getUTCDay()] ?? '',
});
const zone = (looks: string, utc: string, colon = ''): Token => ({
  looks,
  take(text, parts) {
    parts.offset = offsetOf(text);
  },
  write(_date, offset) {
    if (offset === 0) return utc;
    const [hours, minutes] = [Math.trunc(Math.abs(offset) / 60), Math.abs(offset) % 60];
    return `${offset < 0 ? '-' : '+'}${pad(hours, 2)}${colon}${pad(minutes, 2)}`;
  },
});
const twelve = (date: Date): number => date.getUTCHours() % 12 || 12;

const TOKENS: Readonly<Record<string, Token>> = {
  yyyy: number('year', String.raw`(\d{4})`, (date) => pad(date.getUTCFullYear(), 4)),
  yy: {
    looks: String.raw`(\d\d)`,
    // As POSIX has it (strptime): 69 to 99 are of the last century.
    take(text, parts) {
      parts.year = Number(text) + (Number(text) >= 69 ? 1900 : 2000);
    },
    write: (date) => pad(date.getUTCFullYear() % 100, 2),
  },
  MMMM: months(LONG_MONTHS),
  MMM: months(MONTHS),
  MM: number('month', String.raw`(\d\d)`, (date) => pad(date.getUTCMonth() + 1, 2)),
  M: number('month', String.raw`(\d{1,2})`, (date) => String(date.getUTCMonth() + 1)),
  dd: number('day', String.raw`(\d\d)`, (date) => pad(date.getUTCDate(), 2)),
  d: number('day', String.raw`(\d{1,2})`, (date) => String(date.getUTCDate())),
  EEEE: weekdays(LONG_DAYS),
  EEE: weekdays(DAYS),
  HH: number('hour', String.raw`(\d\d)`, (date) => pad(date.getUTCHours(), 2)),
  H: number('hour', String.raw`(\d{1,2})`, (date) => String(date.getUTCHours())),
  hh: number('hour', String.raw`(\d\d)`, (date) => pad(twelve(date), 2)),
  h: number('hour', String.raw`(\d{1,2})`, (date) => String(twelve(date))),
  mm: number('minute', String.raw`(\d\d)`, (date) => pad(date.getUTCMinutes(), 2)),
  ss: number('second', String.raw`(\d\d)`, (date) => pad(date.getUTCSeconds(), 2)),
  a: {
    looks: '([AaPp]\\.?[Mm]\\.?)',
    take(text, parts) {
      parts.afternoon = /^p/i.test(text);
    },
    write: (date) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  },
  X: zone(String.raw`(Z|[+-]\d\d(?:\d\d)?)`, 'Z'),
  XX: zone(String.raw`(Z|[+-]\d{4})`, 'Z'),
  XXX: zone(String.raw`(Z|[+-]\d\d:\d\d)`, 'Z', ':'),
  x: zone(String.raw`([+-]\d\d(?:\d\d)?)`, '+00'),
  xx: zone(String.raw`([+-]\d{4})`, '+0000'),
  xxx: zone(String.raw`([+-]\d\d:\d\d)`, '+00:00', ':'),
};

/** `SSS` are so many digits of a second's fraction. */
const fraction = (length: number): Token => ({
  looks: String.raw`(\d{${length}})`,
  take(text, parts) {
    parts.fraction = text;
  },
  write: (date) => pad(date.getUTCMilliseconds(), 3).padEnd(length, '0').slice(0, length),
});

const PIECE = /'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'/g;

/**
 * @param place the time zone, such as Europe/Berlin, of times that do not tell their offset; UTC unless given
 * @throws PatternError naming what it does not know
 */
export function compilePattern(pattern: string, place?: string): TimePattern {
  const pieces: (Token | string)[] = [];
  const letters = new Set<string>();
  for (const [piece, quoted, letter] of pattern.matchAll(PIECE)) {
    if (piece === "'") throw new PatternError("a quotation mark is not closed; words stand between two: 'at'");
    if (letter === undefined) pieces.push(quoted === '' ? "'" : (quoted?.replaceAll("''", "'") ?? piece));
    else {
      pieces.push(tokenOf(piece));
      letters.add(letter);
    }
  }
  if (!letters.has('y')) throw new PatternError('it has no year (yyyy)');
  if (letters.has('d') && !letters.has('M')) throw new PatternError('it has a day but no month (MM)');
  if (letters.has('h') !== letters.has('a'))
    throw new PatternError('h counts to 12 and needs a (AM or PM); H counts to 24');
  const hasOffset = letters.has('x') || letters.has('X');
  return new CompiledPattern(pieces, place === undefined ? undefined : timeZone(place), hasOffset);
}

function tokenOf(piece: string): Token {
  if (/^S{1,9}$/.test(piece)) return fraction(piece.length);
  const token = Object.hasOwn(TOKENS, piece) ? TOKENS[piece] : undefined;
  if (token !== undefined) return token;
  const known = `${Object.keys(TOKENS).join(' ')} S`;
  throw new PatternError(
    `"${piece}" is not known; expected some of ${known}, and words between quotation marks ('at')`,
  );
}

class CompiledPattern implements TimePattern {
  readonly #pieces: readonly (Token | string)[];
  readonly #tokens: readonly Token[];
  readonly #looks: RegExp;
  readonly #place: TimeZone | undefined;
  readonly #hasOffset: boolean;

  constructor(pieces: readonly (Token | string)[], place: TimeZone | undefined, hasOffset: boolean) {
    this.#pieces = pieces;
    this.#place = place;
    this.#hasOffset = hasOffset;
    this.#tokens = pieces.filter((piece) => typeof piece !== 'string');
    const looks = pieces.map((piece) => (typeof piece === 'string' ? literally(piece) : piece.looks));
    // Names of months and days in any case.
    this.#looks = new RegExp(`^${looks.join('')}$`, 'i');
  }

  read(text: string): string | undefined {
    const match = this.#looks.exec(text);
    if (match === null) return undefined;
    const start = { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0, fraction: '' };
    const parts: Mutable = { ...start, offset: undefined };
    for (const [index, token] of this.#tokens.entries()) token.take(match[index + 1] ?? '', parts);
    if (parts.afternoon !== undefined) {
      if (parts.hour < 1 || parts.hour > 12) return undefined;
      parts.hour = (parts.hour % 12) + (parts.afternoon ? 12 : 0);
    }
    return instantOf(parts, this.#place);
  }

  write(milliseconds: number): string {
    const ahead = this.#place?.offsetAt(milliseconds) ?? 0;
    const wall =
      this.#hasOffset || this.#place === undefined ? milliseconds + ahead : this.#place.wallBefore(milliseconds);
    const [date, offset] = [new Date(wall), Math.round(ahead / 60_000)];
    return this.#pieces.map((piece) => (typeof piece === 'string' ? piece : piece.write(date, offset))).join('');
  }
}

const literally = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
