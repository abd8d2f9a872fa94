import type { Field } from '../config/fields.js';
import type { FieldType } from '../config/kinds/field-types.js';
import { ExactNumber } from '../records/json.js';
import { isMapping, ownValue } from '../records/own-value.js';
import { ExactDecimal } from './decimal.js';
import type { ValueType, Variables } from './variables.js';

type Fields = Readonly<Record<string, Field>>;

/** What expressions over a record can name: its fields, by their types, and the raw record. */
export function variablesOf(fields: Fields): Variables {
  return { ...ownVariables(fields), [RAW]: { type: 'dyn', optional: true } };
}

/** What expressions over several records can name: the fields of each, as `customer.name`. */
export const variablesOfRecords = (records: Readonly<Record<string, Fields>>): Variables =>
  Object.fromEntries(
    Object.entries(records).map(([name, fields]) => [
      name,
      { type: 'record', optional: false, fields: ownVariables(fields) } as const,
    ]),
  );

const ownVariables = (fields: Fields): Variables =>
  Object.fromEntries(
    Object.entries(fields).map(([name, { type, optional }]) => [name, { type: VALUES[type].type, optional }]),
  );

/** The fields that the expression of a field may name: those that are computed behind it are not there yet. */
export function fieldsBefore(fields: Fields, name: string): Fields {
  const place = Object.keys(fields).indexOf(name);
  return Object.fromEntries(
    Object.entries(fields).filter(([, { value }], index) => value === undefined || index < place),
  );
}

/** The raw record, as the source gave it. A field of this name cannot be named. */
export const RAW = 'raw';

/** The types that an expression for a field of a type may have. */
export const valueTypesFor = (type: FieldType): readonly ValueType[] => VALUES[type].results;

/** The canonical value of a field, as expressions have it. */
export const toExpression = (value: unknown, field: Pick<Field, 'type' | 'items'>): unknown =>
  value === undefined || value === null ? null : VALUES[field.type].read(value, field.items ?? {});

/** What an expression gave, as a source would have sent it: it is converted as any other value. */
export function fromExpression(value: unknown, type: FieldType): unknown {
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : new ExactNumber(String(value));
  if (value instanceof ExactDecimal) return type === 'json' ? new ExactNumber(value.toString()) : value.toString();
  if (value instanceof Date) return type === 'date' ? value.toISOString().slice(0, 10) : value.toISOString();
  if (Array.isArray(value)) return value.map((item) => fromExpression(item, type));
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([name, one]) => [name, fromExpression(one, type)]));
  if (isMapping(value) && !(value instanceof ExactNumber)) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fromExpression(one, type)]));
  }
  return value;
}

interface ValueKind {
  readonly type: ValueType;
  /** What an expression for such a field may give. */
  readonly results: readonly ValueType[];
  /** A value that is not canonical is given as it is: its type is then wrong, and the expression fails for this record. */
  read(value: unknown, items: Fields): unknown;
}

const asItIs = (value: unknown): unknown => value;

const VALUES: Readonly<Record<FieldType, ValueKind>> = {
  string: { type: 'string', results: ['string'], read: asItIs },
  integer: { type: 'int', results: ['int'], read: toBigInt },
  number: { type: 'double', results: ['double', 'int', 'decimal'], read: asItIs },
  decimal: { type: 'decimal', results: ['decimal', 'int', 'double'], read: toDecimal },
  boolean: { type: 'bool', results: ['bool'], read: asItIs },
  datetime: { type: 'timestamp', results: ['timestamp', 'string'], read: toTimestamp },
  date: { type: 'string', results: ['string', 'timestamp'], read: asItIs },
  json: { type: 'dyn', results: ['dyn'], read: asItIs },
  list: { type: 'list', results: ['list'], read: toList },
};

function toBigInt(value: unknown): unknown {
  const isInteger = typeof value === 'number' ? Number.isInteger(value) : /^-?\d+$/.test(String(value));
  return isInteger ? BigInt(value as number | string) : value;
}

function toDecimal(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? ExactDecimal.ofPlain(value) : value;
}

/** To the millisecond, which is all that CEL's timestamps hold here. */
function toTimestamp(value: unknown): unknown {
  const time = new Date(String(value).replace(/(\.\d{3})\d+Z$/, '$1Z'));
  return Number.isNaN(time.getTime()) ? value : time;
}

function toList(value: unknown, items: Fields): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((item: unknown) => {
    if (!isMapping(item)) return item;
    return Object.fromEntries(
      Object.entries(items).map(([name, field]) => [name, toExpression(ownValue(item, name), field)]),
    );
  });
}
