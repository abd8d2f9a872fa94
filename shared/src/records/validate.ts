import type { Field } from '../config/fields.js';
import type { FieldType } from '../config/kinds/field-types.js';
import { MAX_DIGITS, plainDecimal } from './decimal.js';
import { byName } from './hash.js';
import { readInteger } from './integer.js';
import { doubleOf, ExactNumber, stringifyJson } from './json.js';
import { compileObject } from './object-maker.js';
import { isMapping, ownValue } from './own-value.js';
import { isStorableJson, isStorableText, STORABLE } from './storable.js';
import { readInstant, toMicroseconds } from './times/instant.js';
import { likelyUnit } from './times/unix.js';

type Values = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, Field>>;

/** Why a record cannot be written: the place of the value, and what was expected there. */
export interface Fault {
  readonly path: readonly (string | number)[];
  readonly wanted: string;
}

/** Reads canonical records with certain fields (see docs/fields.md). */
export interface FieldsReader {
  /**
   * The declared fields of a record in canonical form, in the order of canonical JSON, those only that hold something; undefined if
   * one of them cannot be read. What else the record holds is left out.
   */
  read(record: object): Values | undefined;
  /** What is wrong with a record that cannot be read, in the order of the fields; of a list, {@link MOST_FAULTS} at most. */
  faults(record: object): Fault[];
  /** No record is shorter than this in JSON, in characters. */
  readonly shortest: number;
}

/** A message of 12 MB may hold a list of 300,000 objects, each of them wrong: to look at all would block the process for seconds. */
export const MOST_FAULTS = 100;

/** Values of one field: how they are read, and what a person is told of one that cannot be. */
interface ValueReader {
  /** The canonical form of a value; undefined if it has none. */
  readonly read: (value: unknown) => unknown;
  readonly faults: (value: unknown) => Fault[];
}

/**
 * Compiles the fields once. A record that is valid is read in one pass; the words for one that is not are looked for only then.
 * An optional field that is null or '' counts as absent: CSV cannot tell '' from an absent value, and both sinks must agree on
 * what the content is.
 */
export function compileFields(fields: Fields): FieldsReader {
  const columns = Object.entries(fields).map(([name, field]) => ({
    name,
    optional: field.optional,
    ...READERS[field.type](field),
  }));
  // In this order nothing has to be sorted when the content is hashed.
  const inOrder = [...columns].sort(byName);
  // A plain read would find what every object inherits.
  const isInherited = Object.keys(fields).some((name) => name in Object.prototype);
  const valueAt = isInherited ? ownValue : (record: object, name: string) => (record as Values)[name];
  const make = compileObject(inOrder.map(({ name }) => name));
  const isAbsent = (value: unknown) => value === undefined || value === null || value === '';
  return {
    // Braces; of each field quotes, a colon, a comma (but for the first), and a value of one character at least.
    shortest: columns.reduce((sum, { name, optional }) => sum + (optional ? 0 : name.length + 5), 1),
    read(record) {
      const values: unknown[] = [];
      for (const { name, optional, read } of inOrder) {
        const value = valueAt(record, name);
        const isLeftOut = optional && isAbsent(value);
        const canonical = isLeftOut ? undefined : read(value);
        if (canonical === undefined && !isLeftOut) return undefined;
        values.push(canonical);
      }
      return make(values);
    },
    faults: (record) =>
      columns.flatMap(({ name, optional, read, faults }) => {
        const value = valueAt(record, name);
        if ((optional && isAbsent(value)) || read(value) !== undefined) return [];
        return faults(value).map(({ path, wanted }) => ({ path: [name, ...path], wanted }));
      }),
  };
}

/** @param wanted what was expected in the place of a value */
const simple = (read: ValueReader['read'], wanted: (value: unknown) => string): ValueReader => ({
  read,
  faults: (value) => [{ path: [], wanted: wanted(value) }],
});

/** What each type takes. Numbers of JSON are taken too where they are exact: others may publish records as well. */
const READERS: Readonly<Record<FieldType, (field: Field) => ValueReader>> = {
  string: ({ maxLength }) =>
    simple(
      (value) => (typeof value === 'string' && value.length <= maxLength && isStorableText(value) ? value : undefined),
      (value) => {
        if (typeof value !== 'string') return 'expected text';
        return value.length > maxLength ? `is longer than ${maxLength} characters` : STORABLE;
      },
    ),
  integer: () => simple(readInteger, wantedInteger),
  number: () => simple(readNumber, wantedNumber),
  decimal: () => simple(readDecimal, wantedDecimal),
  boolean: () =>
    simple(
      (value) => (typeof value === 'boolean' ? value : undefined),
      () => 'expected true or false',
    ),
  datetime: () => simple(readTime, wantedTime),
  date: () => simple(readDate, wantedDate),
  json: ({ maxLength }) => {
    const isStorable = isStorableJson(maxLength);
    return simple(
      // A CSV cell cannot hold a null: an empty cell means that there is no value.
      (value) => (value !== undefined && value !== null && isStorable(value) ? value : undefined),
      (value) => (value === undefined || value === null ? 'expected a value' : STORABLE),
    );
  },
  list: listReader,
};

function listReader({ items = {}, maxLength }: Field): ValueReader {
  const reader = compileFields(items);
  // Known before a single object is read.
  const isTooLong = (list: readonly unknown[]) => list.length * (reader.shortest + 1) > maxLength;
  const read = (value: unknown): Values[] | undefined => {
    if (!Array.isArray(value) || isTooLong(value)) return undefined;
    const list: Values[] = [];
    for (const item of value) {
      const values = isMapping(item) ? reader.read(item) : undefined;
      if (values === undefined) return undefined;
      list.push(values);
    }
    return list.length === 0 || (stringifyJson(list) ?? '').length <= maxLength ? list : undefined;
  };
  const faults = (value: unknown): Fault[] => {
    if (!Array.isArray(value)) return [{ path: [], wanted: 'expected a list of objects' }];
    if (isTooLong(value)) return [{ path: [], wanted: `is longer than ${maxLength} characters (maxLength)` }];
    const found: Fault[] = [];
    for (const [index, item] of value.entries()) {
      if (found.length >= MOST_FAULTS) break;
      if (!isMapping(item)) found.push({ path: [index], wanted: 'expected an object' });
      else for (const { path, wanted } of reader.faults(item)) found.push({ path: [index, ...path], wanted });
    }
    return found.length > 0 ? found : [{ path: [], wanted: STORABLE }];
  };
  return { read, faults };
}

function readNumber(value: unknown): number | undefined {
  if (value instanceof ExactNumber) return doubleOf(value.toString());
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function readDecimal(value: unknown): string | undefined {
  if (typeof value === 'string') return plainDecimal(value) === value ? value : undefined;
  const isNumber = typeof value === 'number' || value instanceof ExactNumber;
  return isNumber ? plainDecimal(String(value)) : undefined;
}

function readTime(value: unknown): string | undefined {
  const instant = typeof value === 'string' ? readInstant(value) : undefined;
  return instant === undefined ? undefined : toMicroseconds(instant);
}

/** A day of the years 0001 to 9999, as ISO 8601 has it. */
function readDate(value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(value)) return undefined;
  return readInstant(`${value}T00:00:00.000Z`) === undefined ? undefined : value;
}

const isNumeric = (value: unknown): value is number | ExactNumber =>
  typeof value === 'number' || value instanceof ExactNumber;

// What was expected, and what to do where the value shows it.

/** For `1,5`, as half of the world writes it. Of `1,500` nobody can tell whether its comma stands between thousands. */
const commaHint = (value: unknown, conversion: 'double' | 'decimal'): string =>
  typeof value === 'string' && /^\s*[-+]?\d+,\d+\s*$/.test(value)
    ? `; where a comma is the decimal point, a computed field reads it: value: '${conversion}(raw.NAME.split(",").join("."))'`
    : '';

function wantedInteger(value: unknown): string {
  const wanted = 'expected a whole number';
  if (!isNumeric(value)) return wanted;
  const isWhole = /^-?\d+$/.test(plainDecimal(String(value)) ?? '');
  return isWhole
    ? `${wanted} of 64 bits at most; a field of type decimal or string takes longer ones`
    : `${wanted}; a field of type number or decimal takes fractions`;
}

const wantedNumber = (value: unknown): string =>
  isNumeric(value)
    ? 'expected a number that a double holds; this one would be altered: a field of type decimal takes it'
    : `expected a number${commaHint(value, 'double')}`;

const wantedDecimal = (value: unknown): string =>
  isNumeric(value) || (typeof value === 'string' && /^-?[\d.eE+-]+$/.test(value))
    ? `expected a decimal number of at most ${MAX_DIGITS} digits, without an exponent, such as 19.90`
    : `expected a decimal number such as 19.90${commaHint(value, 'decimal')}`;

function wantedTime(value: unknown): string {
  const wanted = 'expected an ISO 8601 time';
  if (isNumeric(value) || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value))) {
    const unit = likelyUnit(Number(value));
    const example = unit === undefined ? '' : ` (here perhaps unit: ${unit})`;
    return `${wanted}; say what a number counts with { type: datetime, unit: s } or ms, us, ns${example}`;
  }
  if (typeof value !== 'string') return wanted;
  if (/^\d{4}-\d\d-\d\d$/.test(value)) return `${wanted}; a field of type date takes a day`;
  if (/^\d{4}-\d\d-\d\d[Tt ]/.test(value)) return `${wanted} of a day that there is, in the years 0001 to 9999 of UTC`;
  return `${wanted}; for times that are written otherwise say how with { type: datetime, format: ... }`;
}

const wantedDate = (value: unknown): string =>
  typeof value === 'string' && value.startsWith('0000-')
    ? 'expected a year from 0001 to 9999, in UTC'
    : 'expected an ISO 8601 date';
