import { z } from 'zod';
import type { Field } from '../config/fields.js';
import type { FieldType } from '../config/kinds/field-types.js';
import { MAX_DIGITS, plainDecimal } from './decimal.js';
import { readInteger } from './integer.js';
import { doubleOf, ExactNumber } from './json.js';
import { isMapping, ownValue } from './own-value.js';
import { isStorableJson, isStorableText, STORABLE } from './storable.js';
import { readInstant, toMicroseconds } from './times/instant.js';
import { likelyUnit } from './times/unix.js';

type Values = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, Field>>;

/** The schema of a record with these fields, in canonical form (see docs/fields.md); what else it holds is left out. */
export function recordValidator(fields: Fields): z.ZodType {
  const validators = Object.entries(fields).map(([name, field]) => {
    const validator = VALIDATORS[field.type](field);
    return [name, field.optional ? validator.optional() : validator] as const;
  });
  return z.object(Object.fromEntries(validators));
}

/**
 * The declared fields of a record, in their order, before it is validated. An optional field that is null or '' counts as
 * absent: CSV cannot tell '' from an absent value, and both sinks must agree on what the content is.
 */
export function compilePresent(fields: Fields): (record: object) => Values {
  const columns = Object.entries(fields).map(([name, { optional, items }]) => {
    const present = items && compilePresent(items);
    return { name, optional, listOf: present && ((item: unknown) => (isMapping(item) ? present(item) : item)) };
  });
  // zod reads properties plainly, and would find those that every object inherits.
  const isInherited = Object.keys(fields).some((name) => name in Object.prototype);
  return (record) => {
    const found: Record<string, unknown> = isInherited ? Object.create(null) : {};
    for (const { name, optional, listOf } of columns) {
      const value = ownValue(record, name);
      if (value === undefined || (optional && (value === null || value === ''))) continue;
      found[name] = listOf !== undefined && Array.isArray(value) ? value.map(listOf) : value;
    }
    return found;
  };
}

/** @param readIt the canonical form of a value; undefined for one that has none */
const canonical = <T>(readIt: (value: unknown) => T | undefined, wanted: (value: unknown) => string): z.ZodType<T> =>
  z.unknown().transform((value, context) => {
    const read = readIt(value);
    if (read !== undefined) return read;
    context.addIssue({ code: 'custom', message: wanted(value) });
    return z.NEVER;
  });

/** What each type takes. Numbers of JSON are taken too where they are exact: others may publish records as well. */
const VALIDATORS: Readonly<Record<FieldType, (field: Field) => z.ZodType>> = {
  string: ({ maxLength }) =>
    z
      .string({ error: 'expected text' })
      .max(maxLength, { error: `is longer than ${maxLength} characters` })
      .refine(isStorableText, { error: STORABLE }),
  integer: () => canonical(readInteger, wantedInteger),
  number: () => canonical(readNumber, wantedNumber),
  decimal: () => canonical(readDecimal, wantedDecimal),
  boolean: () => z.boolean({ error: 'expected true or false' }),
  datetime: () => canonical(readTime, wantedTime),
  date: () => z.iso.date({ error: 'expected an ISO 8601 date' }).refine(hasYear, YEARS),
  json: (field) =>
    z
      .unknown()
      // A CSV cell cannot hold a null: an empty cell means that there is no value.
      .refine((value) => value !== undefined && value !== null, 'expected a value')
      .refine(isStorableJson(field.maxLength), STORABLE),
  list: (field) =>
    z
      .array(recordValidator(field.items ?? {}), { error: 'expected a list of objects' })
      .refine(isStorableJson(field.maxLength), STORABLE),
};

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

const YEARS = 'expected a year from 0001 to 9999, in UTC';
const hasYear = (date: string): boolean => /^(?!0000)\d{4}-/.test(date);

const isNumeric = (value: unknown): value is number | ExactNumber =>
  typeof value === 'number' || value instanceof ExactNumber;

// What was expected, and what to do where the value shows it.

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
    : 'expected a number';

const wantedDecimal = (value: unknown): string =>
  isNumeric(value) || (typeof value === 'string' && /^-?[\d.eE+-]+$/.test(value))
    ? `expected a decimal number of at most ${MAX_DIGITS} digits, without an exponent, such as 19.90`
    : 'expected a decimal number such as 19.90';

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
