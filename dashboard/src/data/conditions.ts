import {
  type Dataset,
  datasetsOf,
  type FieldType,
  type PipelineConfig,
  plainDecimal,
  readInstant,
} from '@tributary/shared';
import { badRequest } from '../http/api-error.js';
import type { Condition } from './readers/port.js';

/** What a column of a type is compared with: in words, and as the readers take it; undefined for a text that is none. */
interface Wanted {
  readonly words: string;
  read(text: string): string | undefined;
}

const NUMBER: Wanted = {
  words: 'a number',
  read: (text) => (isDouble(text) ? text.replace(/^\+/, '') : undefined),
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

const WANTED = {
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

const SYSTEM: Readonly<Record<string, FieldType>> = { _deleted: 'boolean', _written_at: 'datetime' };

/** They compare text, or nothing. */
const OF_ANY_TYPE: ReadonlySet<string> = new Set(['contains', 'empty', 'filled']);

/**
 * Filters as the readers take them, of either sink: a value that is not of its column's type is refused in words, for one
 * database would say so in its own, and another would find nothing.
 *
 * @throws ApiError (400) naming the first filter that is wrong
 */
export function checkConditions(
  config: PipelineConfig,
  name: string,
  where: readonly Condition[],
): readonly Condition[] {
  const dataset = datasetsOf(config).find((one) => one.name === name);
  return where.map((condition) => {
    const { column, is, value } = condition;
    const type = typeOf(dataset, column);
    // A column that only old files have, or none: the reader knows.
    if (type === undefined || OF_ANY_TYPE.has(is)) return condition;
    const read = WANTED[type].read(value);
    if (read !== undefined) return { ...condition, value: read };
    const shown = `${column}:${is}:${value}`.slice(0, 120);
    throw badRequest(`where is "${shown}": ${column} is compared with ${WANTED[type].words}`);
  });
}

function typeOf(dataset: Dataset | undefined, column: string): FieldType | undefined {
  if (dataset !== undefined && Object.hasOwn(dataset.columns, column)) return dataset.columns[column]?.type;
  return Object.hasOwn(SYSTEM, column) ? SYSTEM[column] : undefined;
}
