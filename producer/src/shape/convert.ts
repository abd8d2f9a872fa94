import {
  canonicalInteger,
  compilePattern,
  doubleOf,
  ExactNumber,
  type Field,
  type FieldType,
  hasNanoseconds,
  instantAt,
  plainDecimal,
  readInstant,
  readInstantIn,
  readUnix,
  type TimeZone,
  timeZone,
  type Unit,
} from '@tributary/shared';

/**
 * Makes the canonical form of a raw value (see docs/fields.md). A value that has none stays as it came, so that nothing is
 * altered: the consumer dead-letters it, naming the field and the exact value.
 */
export type Convert = (value: unknown) => unknown;

/** A field of a record, but for lists, whose items the shape itself makes. */
type ScalarField = Pick<Field, 'unit' | 'format' | 'zone'> & { readonly type: Exclude<FieldType, 'list'> };

/** @param onCut told of each time with more digits than a column holds */
export const converterOf = (field: ScalarField, onCut: () => void): Convert => CONVERTERS[field.type](field, onCut);

const CONVERTERS: Readonly<Record<ScalarField['type'], (field: ScalarField, onCut: () => void) => Convert>> = {
  string: () => toText,
  integer: () => toInteger,
  number: () => toNumber,
  decimal: () => toDecimal,
  boolean: () => toBoolean,
  datetime: (field, onCut) => {
    const read = timeReader(field) ?? textReader(field);
    return (value) => {
      const instant = read(value);
      if (instant === undefined) return value;
      if (hasNanoseconds(instant)) onCut();
      return instant;
    };
  },
  date: (field) => {
    const read = timeReader(field);
    const place = field.zone === undefined ? undefined : timeZone(field.zone);
    if (read !== undefined) return (value) => dayOf(read(value), place) ?? value;
    return place === undefined ? toDate : (value) => firstMomentIn(place, value) ?? toDate(value);
  },
  json: () => (value) => value,
};

/** Characters of 2024-05-01. */
const DATE = 10;

function toText(value: unknown): unknown {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || value instanceof ExactNumber ? String(value) : value;
}

/** The digits of a number, also of one that is written as text; undefined for anything else. */
function digitsOf(value: unknown): string | undefined {
  const isText = typeof value === 'string';
  return isText || typeof value === 'number' || value instanceof ExactNumber
    ? plainDecimal(isText ? value.trim() : String(value))
    : undefined;
}

function toInteger(value: unknown): unknown {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  // 12.0 is 12, and 12.5 is no whole number.
  const digits = digitsOf(value)?.replace(/\.0+$/, '');
  return digits === undefined ? value : (canonicalInteger(digits) ?? value);
}

function toNumber(value: unknown): unknown {
  if (typeof value === 'number') return value;
  const digits = digitsOf(value);
  return digits === undefined ? value : (doubleOf(digits) ?? value);
}

const toDecimal = (value: unknown): unknown => digitsOf(value) ?? value;

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false };

function toBoolean(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const word = value.toLowerCase();
  return Object.hasOwn(BOOLEANS, word) ? BOOLEANS[word] : value;
}

/** A day, or the first moment of one; any other moment is more than a day can hold. */
function toDate(value: unknown): unknown {
  if (typeof value !== 'string' || /^\d{4}-\d\d-\d\d$/.test(value)) return value;
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)$/.exec(value) ?? [];
  if (year !== undefined) return `${year}-${month}-${day}`;
  const midnight = /^(\d{4}-\d\d-\d\d)[Tt ]00:00(?::00(?:\.0+)?)?\s?(?:[zZ]|UTC|GMT|[+-]\d\d(?::?\d\d)?)?$/.exec(value);
  if (midnight !== null) return midnight[1];
  const instant = readInstant(value);
  return instant?.endsWith('T00:00:00.000Z') ? instant.slice(0, DATE) : value;
}

const dayOf = (instant: string | undefined, place: TimeZone | undefined): string | undefined =>
  place === undefined || instant === undefined ? instant?.slice(0, DATE) : wallOf(instant, place).slice(0, DATE);

/** The day of which a moment is the first by the clock of a place. */
function firstMomentIn(place: TimeZone, value: unknown): string | undefined {
  const instant = typeof value === 'string' ? readInstantIn(place, value.trim()) : undefined;
  const wall = instant === undefined ? '' : wallOf(instant, place);
  return /T00:00:00\.0+Z$/.test(wall) ? wall.slice(0, DATE) : undefined;
}

/** What the clock of a place shows at a moment, to the millisecond, as if it were UTC. */
function wallOf(instant: string, place: TimeZone): string {
  const moment = Date.parse(instant.replace(/(\.\d{3})\d+Z$/, '$1Z'));
  return new Date(moment + place.offsetAt(moment)).toISOString();
}

type ReadTime = (value: unknown) => string | undefined;

/** How the times of a field are read that says so itself; undefined for one that does not. */
function timeReader({ unit, format, zone }: ScalarField): ReadTime | undefined {
  if (unit !== undefined) return unixReader(unit);
  if (format === undefined) return undefined;
  const pattern = compilePattern(format, zone);
  return (value) => (typeof value === 'string' || typeof value === 'number' ? pattern.read(String(value)) : undefined);
}

const unixReader =
  (unit: Unit): ReadTime =>
  (value) => {
    // Most are whole seconds or milliseconds.
    if (typeof value === 'number' && Number.isInteger(value) && (unit === 's' || unit === 'ms')) {
      return instantAt(unit === 's' ? value * 1_000 : value, '');
    }
    const digits = digitsOf(value);
    return digits === undefined ? undefined : readUnix(digits, unit);
  };

function textReader({ zone }: ScalarField): ReadTime {
  const place = zone === undefined ? undefined : timeZone(zone);
  const read = place === undefined ? readInstant : (text: string) => readInstantIn(place, text);
  return (value) => (typeof value === 'string' ? read(value.trim()) : undefined);
}
