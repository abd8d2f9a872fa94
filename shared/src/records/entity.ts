import { z } from 'zod';
import type { Field } from '../config/fields.js';
import type { EntityConfig } from '../config/schema.js';
import { PoisonError } from '../errors.js';
import { plainDecimal } from './decimal.js';
import { compileContentHash } from './hash.js';
import { doubleOf, ExactNumber, stringifyJson } from './json.js';
import { isMapping, ownValue } from './own-value.js';

/** A record's fields as they are hashed and written: declared fields only, and only those that hold something. */
export type Payload = Readonly<Record<string, unknown>>;

/** A record that passed its entity's schema. */
export interface EntityRecord {
  readonly entity: string;
  readonly key: string;
  /** Normalised so that a later version sorts after an earlier one (see {@link versionOrder}); '' without one. */
  readonly version: string;
  readonly payload: Payload;
  /** Content hash: SHA-256 over entity, key and payload. */
  readonly hash: string;
  /** Fields the API sent that the entity does not declare; they are not carried on. */
  readonly unknownFields: readonly string[];
}

/** An entity of the pipeline, compiled once: its schema, its key, its version. */
export interface Entity {
  readonly name: string;
  readonly config: EntityConfig;
  /**
   * Validates one raw record.
   * @throws PoisonError naming the field, what it holds and what was expected
   */
  decode(raw: unknown): EntityRecord;
  /** The key of a raw record, if it has one; for tracing, before validation. */
  keyOf(raw: unknown): string | undefined;
  /** The normalised version of a raw record, if it has a usable one. */
  versionOf(raw: unknown): string | undefined;
}

export function compileEntity(name: string, config: EntityConfig): Entity {
  const schema = objectValidator(config.fields);
  const present = compilePresent(config.fields);
  const contentHash = compileContentHash(name, config.fields);
  const declared = new Set(Object.keys(config.fields));
  const versionType = config.version === undefined ? undefined : config.fields[config.version]?.type;

  const property = (raw: unknown, field: string): unknown =>
    typeof raw === 'object' ? ownValue(raw, field) : undefined;

  const keyOf = (raw: unknown): string | undefined => {
    const key = property(raw, config.key);
    return (typeof key === 'string' && key !== '') || typeof key === 'number' ? String(key) : undefined;
  };
  const versionOf = (raw: unknown): string | undefined =>
    config.version === undefined ? '' : normaliseVersion(property(raw, config.version), versionType);

  return {
    name,
    config,
    keyOf,
    versionOf,
    decode(raw) {
      if (!isMapping(raw)) {
        throw new PoisonError('not_an_object', `${name}: the record is ${describe(raw)}, expected an object`);
      }
      const key = keyOf(raw);
      if (key === undefined) {
        const found = describe(property(raw, config.key));
        throw new PoisonError('key_missing', `${name}: its key field "${config.key}" is ${found}`, config.key);
      }
      if (!isUsableKey(key)) {
        const limit = `over 512 characters (${MAX_KEY_BYTES} bytes of UTF-8, where / and % count three)`;
        const message = `${name}: its key field "${config.key}" is ${describe(key)}, with control characters or ${limit}`;
        throw new PoisonError('key_invalid', message, config.key);
      }
      const parsed = schema.safeParse(present(raw));
      if (!parsed.success) throw invalidField(name, key, raw, parsed.error);
      const version = versionOf(raw);
      if (version === undefined) {
        const found = describe(property(raw, config.version ?? ''));
        const message = `${name} ${key}: its version field "${config.version}" is ${found}, which has no place in time`;
        throw new PoisonError('version_invalid', message, config.version);
      }
      const payload = parsed.data as Payload;
      const unknownFields = Object.keys(raw).filter((field) => !declared.has(field));
      return { entity: name, key, version, payload, hash: contentHash(key, payload), unknownFields };
    },
  };
}

/**
 * An index entry of Postgres holds at most 2,704 bytes. The longest is a merged row's: two keys, escaped, with two
 * message ids (AMQP: 255 bytes each) and a hash.
 */
const MAX_KEY_BYTES = 1_000;

/** Keys as nearly everybody has them: whatever the rule below may say, it says yes to them. */
const PLAIN_KEY = /^[\x20-\x24\x26-\x2e\x30-\x7e]{1,512}$/;

/** Whether a record can have this key: then it holds no control character, and is not too long for any sink. */
export const isUsableKey = (key: string): boolean => PLAIN_KEY.test(key) || isUsableUnusualKey(key);

const isUsableUnusualKey = (key: string): boolean =>
  key.length <= 512 && !/\p{Cc}/u.test(key) && Buffer.byteLength(key.replaceAll(/[/%]/g, '%25')) <= MAX_KEY_BYTES;

/**
 * Versions are compared as text by the ledger, so they are made to sort: a time becomes UTC with its fraction kept,
 * an integer stays as it is written (see {@link versionOrder}), text may hold no white space.
 */
function normaliseVersion(value: unknown, type: Field['type'] | undefined): string | undefined {
  if (type === 'integer') return Number.isSafeInteger(value) && (value as number) >= 0 ? String(value) : undefined;
  if (typeof value !== 'string' || value === '') return undefined;
  // Orders are compared byte by byte in Redis and Postgres, and by UTF-16 units here: in ASCII both agree.
  if (type === 'string') return /^[\x21-\x7e]+$/.test(value) ? value : undefined;
  return normaliseInstant(value);
}

/**
 * A time as UTC with milliseconds, and with microseconds where there are any: what a Postgres timestamptz holds, so that
 * content is the same content in every sink. A time without an offset counts as UTC. Undefined if it is no time, or not
 * in the years 1 to 9999 of UTC: Postgres has no year 0, and beyond 9999 times as text no longer sort.
 */
function normaliseInstant(text: string): string | undefined {
  // The version is a field as well, so most times come twice.
  if (text !== lastInstant.text) lastInstant = { text, instant: toInstant(text) };
  return lastInstant.instant;
}

let lastInstant: { text: string; instant: string | undefined } = { text: '', instant: undefined };

function toInstant(text: string): string | undefined {
  const time = Date.parse(/([zZ]|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(time)) return undefined;
  const instant = new Date(time).toISOString();
  if (!hasYear(instant)) return undefined;
  const microseconds = /\.\d{3}(\d{1,3})/.exec(text)?.[1]?.replace(/0+$/, '') ?? '';
  return instant.replace('Z', `${microseconds}Z`);
}

const YEARS = 'expected a year from 0001 to 9999, in UTC';
const hasYear = (date: string): boolean => /^(?!0000)\d{4}-/.test(date);

/**
 * What the ledger compares: the version, then the message id (UUIDv7, so it sorts by the time of the fetch). Between
 * two records of one version, or with none, the one fetched later is the newer.
 */
export function versionOrder(version: string, messageId: string): string {
  const sortable = /^\d+$/.test(version) ? version.padStart(20, '0') : version.replace(/Z$/, '');
  return `${sortable} ${messageId}`;
}

function mapFields<T>(fields: Readonly<Record<string, Field>>, map: (field: Field) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, map(field)]));
}

function objectValidator(fields: Readonly<Record<string, Field>>): z.ZodType {
  return z.object(
    mapFields(fields, (field) => (field.optional ? typeValidator(field).optional() : typeValidator(field))),
  );
}

/**
 * What a record holds of the declared fields, in their order, before it is validated. An optional field that is null or
 * '' counts as absent: CSV cannot tell '' from nothing, and both sinks must agree on what the content is.
 */
function compilePresent(fields: Readonly<Record<string, Field>>): (record: object) => Payload {
  const columns = Object.entries(fields).map(([name, { type, optional, items }]) => {
    const present = items && compilePresent(items);
    return { name, type, optional, listOf: present && ((item: unknown) => (isMapping(item) ? present(item) : item)) };
  });
  // zod reads plainly, and would find what every object inherits.
  const isInherited = Object.keys(fields).some((name) => name in Object.prototype);
  return (record) => {
    const found: Record<string, unknown> = isInherited ? Object.create(null) : {};
    for (const { name, type, optional, listOf } of columns) {
      const value = ownValue(record, name);
      if (value === undefined || (optional && (value === null || value === ''))) continue;
      if (type === 'number' && value instanceof ExactNumber) found[name] = doubleOf(value.toString()) ?? value;
      else found[name] = listOf !== undefined && Array.isArray(value) ? value.map(listOf) : value;
    }
    return found;
  };
}

function typeValidator(field: Field): z.ZodType {
  switch (field.type) {
    case 'string':
      return text(field.maxLength);
    case 'integer':
      return z.int({ error: 'expected a whole number' });
    case 'number':
      return z.number({ error: 'expected a number' });
    case 'boolean':
      return z.boolean({ error: 'expected true or false' });
    case 'datetime':
      return z.iso
        .datetime({ offset: true, local: true, error: 'expected an ISO 8601 time' })
        .transform((value, context) => {
          const instant = normaliseInstant(value);
          if (instant === undefined) context.addIssue({ code: 'custom', message: YEARS });
          return instant;
        });
    case 'date':
      return z.iso.date({ error: 'expected an ISO 8601 date' }).refine(hasYear, YEARS);
    case 'json':
      return (
        z
          .unknown()
          // A null that stands for itself has no place in a CSV cell, where the empty one means "nothing here".
          .refine((value) => value !== undefined && value !== null, 'expected a value')
          .refine(isStorableJson(field), STORABLE)
      );
    case 'list':
      return z
        .array(objectValidator(field.items ?? {}), { error: 'expected a list of objects' })
        .refine(isStorableJson(field), STORABLE);
  }
}

const STORABLE =
  'holds a NUL character, broken Unicode or a number too large, or is too long or nested over 100 levels deep';

/** Postgres text cannot hold NUL, and a lone surrogate has no UTF-8 form: neither would come back as it went in. */
const isStorable = (value: string): boolean => !value.includes('\0') && value.isWellFormed();

const isStorableJson = (field: Field) => (value: unknown) => {
  if (!isShallowAndFinite(value, 100)) return false;
  const json = stringifyJson(value) ?? '';
  // JSON.stringify escapes both: NUL as \u0000 and lone surrogates as \udXXX.
  return json.length <= field.maxLength && !/(^|[^\\])(\\\\)*\\u(0000|d[89a-f])/.test(json);
};

/**
 * Nobody nests so deep in earnest; whoever walks such a value by recursion (JSON.stringify, Postgres) runs out of stack.
 * And JSON cannot express Infinity, nor can Postgres hold a number of many thousand digits.
 */
function isShallowAndFinite(value: unknown, levels: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (value === null || typeof value !== 'object') return true;
  if (value instanceof ExactNumber) return plainDecimal(value.toString()) !== undefined;
  return levels > 0 && Object.values(value).every((item) => isShallowAndFinite(item, levels - 1));
}

function text(maxLength: number): z.ZodType {
  return z
    .string({ error: 'expected text' })
    .max(maxLength, { error: `is longer than ${maxLength} characters` })
    .refine(isStorable, { error: STORABLE });
}

function invalidField(entity: string, key: string, raw: unknown, error: z.ZodError): PoisonError {
  const [issue] = error.issues;
  const path = issue?.path.map(String).join('.') ?? '';
  let value: unknown = raw;
  for (const step of issue?.path ?? []) value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  const wants = issue?.message ?? 'invalid';
  const more = error.issues.length > 1 ? ` (and ${error.issues.length - 1} more)` : '';
  const message = `${entity} ${key}: field "${path}" is ${describe(value)}: ${wants}${more}`;
  return new PoisonError('field_invalid', message, path, { cause: undefined });
}

/** A value as shown to a person: short, and never the whole of a 5 MB field. */
function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  const json = inJson(value);
  return json.length > 80 ? `${json.slice(0, 60)}... (${json.length} characters)` : json;
}

function inJson(value: unknown): string {
  try {
    return stringifyJson(value) ?? String(value);
  } catch {
    return 'nested too deep to be shown';
  }
}
