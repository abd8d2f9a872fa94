import { type FieldType, plainDecimal, readInstant } from '@tributary/shared';

/** What a column of a type is compared with: in words, and as the readers take it; undefined for a text that is none. */
interface Wanted {
  readonly words: string;
  read(text: string): string | undefined;
}

const NUMBER: Wanted = {
  words: 'a number',
  read: (text) => (isDouble(text) ? String(Number(text)) : undefined),
};
const EXACT: Wanted = { words: 'a number of at most 1,000 digits', read: plainDecimal };
const TEXT: Wanted = { words: 'a text', read: (text) => (text.isWellFormed() ? text : undefined) };
const DAY: Wanted = {
  words: 'a day such as 2026-01-31',
  read: (text) => (isDay(text) ? text : undefined),
};
const TIME: Wanted = {
  words: 'a day or a time such as 2026-01-31 or 2026-01-31T12:00:00Z',
  // Without an offset it is in UTC, for every sink.
  read: (text) => readInstant(isDay(text) ? `${text}T00:00:00Z` : text),
};

export const WANTED = {
  string: TEXT,
  json: TEXT,
  list: TEXT,
  integer: EXACT,
  decimal: EXACT,
  number: NUMBER,
  boolean: { words: 'true or false', read: (text) => (text === 'true' || text === 'false' ? text : undefined) },
  date: DAY,
  datetime: TIME,
} as const satisfies Readonly<Record<FieldType, Wanted>>;

/** What a double holds: 1e400 is none, and 1e-400 would be 0. */
function isDouble(text: string): boolean {
  if (!/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,4})?$/i.test(text)) return false;
  const value = Number(text);
  return Number.isFinite(value) && (value !== 0 || !/[1-9]/.test(text.split(/e/i)[0] ?? ''));
}

const isDay = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) && readInstant(`${text}T00:00:00Z`)?.startsWith(text) === true;
