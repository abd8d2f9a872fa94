import type { EntityConfig } from '../config/schema.js';
import { PoisonError } from '../errors.js';
import { DELETED, isDeleted } from './deleted.js';
import { describeValue } from './describe.js';
import { compileContentHash, tombstoneHash } from './hash.js';
import { ExactNumber } from './json.js';
import { isUsableKey, joinKey, keyFieldsOf, MAX_KEY_BYTES } from './key.js';
import { isMapping, ownValue } from './own-value.js';
import { readInstant, toMicroseconds } from './times/instant.js';
import { UNKNOWN_FIELDS } from './unknown-fields.js';
import { ORIGIN, UNREADABLE, withOrigin } from './unreadable.js';
import { compileFields, type Fault, MOST_FAULTS } from './validate.js';
import { normaliseVersion, VERSION } from './version.js';

/** A record's fields as they are hashed and written: declared fields only, and only those that hold something. */
export type Payload = Readonly<Record<string, unknown>>;

/** A record that passed its entity's schema. */
export interface EntityRecord {
  readonly entity: string;
  readonly key: string;
  /** Normalised so that a later version sorts after an earlier one (see {@link versionOrder}); '' without one. */
  readonly version: string;
  /** Null for a tombstone: the record says that its key is no more. */
  readonly payload: Payload | null;
  /** Whether it is a tombstone. */
  readonly deleted: boolean;
  /** Content hash: SHA-256 over entity, key and payload; of a tombstone over entity, key and version. */
  readonly hash: string;
  /** Fields that the API sent and the entity does not declare; they are left out. */
  readonly unknownFields: readonly string[];
}

/** An entity of the pipeline, compiled once: its schema, its key and its version. */
export interface Entity {
  readonly name: string;
  readonly config: EntityConfig;
  /**
   * Validates one canonical record. Of a tombstone (see deleted.ts) only the key and the version count.
   * @throws PoisonError naming the field, what it holds and what was expected
   */
  decode(raw: unknown): EntityRecord;
  /** Whether {@link decode} takes it, but for what it holds beside the declared fields. It costs no hash. */
  accepts(raw: unknown): boolean;
  /** The key of a raw record, if it has one; for tracing, before validation. */
  keyOf(raw: unknown): string | undefined;
  /** The normalised version of a raw record, if it has a usable one. */
  versionOf(raw: unknown): string | undefined;
}

export function compileEntity(name: string, config: EntityConfig): Entity {
  const fields = compileFields(config.fields);
  const contentHash = compileContentHash(name, config.fields);
  const declared = new Set(Object.keys(config.fields));
  const versionType = config.version === undefined ? undefined : config.fields[config.version]?.type;
  const keyFields = keyFieldsOf(config).map((field) => ({ field, isTime: config.fields[field]?.type === 'datetime' }));
  const [onlyKey] = keyFields.length === 1 ? keyFields : [];

  const property = (raw: unknown, field: string): unknown =>
    typeof raw === 'object' ? ownValue(raw, field) : undefined;
  const keyPart = (raw: unknown, { field, isTime }: { readonly field: string; readonly isTime: boolean }) => {
    const value = property(raw, field);
    if (typeof value === 'string') return value === '' ? undefined : isTime ? timeAsKey(value) : value;
    return typeof value === 'number' || value instanceof ExactNumber ? String(value) : undefined;
  };
  const keyOf = (raw: unknown): string | undefined => {
    if (onlyKey !== undefined) return keyPart(raw, onlyKey);
    const parts: string[] = [];
    for (const one of keyFields) {
      const part = keyPart(raw, one);
      if (part === undefined) return undefined;
      parts.push(part);
    }
    return joinKey(parts);
  };
  const versionOf = (raw: unknown): string | undefined => {
    const told = property(raw, VERSION);
    if (told !== undefined) return normaliseVersion(told, 'string');
    return config.version === undefined ? '' : normaliseVersion(property(raw, config.version), versionType);
  };

  /** @throws PoisonError if the record cannot have its key */
  const usableKeyOf = (raw: unknown): string => {
    const key = keyOf(raw);
    if (key === undefined) {
      const { field = '' } = keyFields.find((one) => keyPart(raw, one) === undefined) ?? {};
      const found = describeMissing(property(raw, field), config.fields[field]?.from);
      throw new PoisonError('key_missing', `${name}: its key field "${field}" is ${found}`, field);
    }
    if (isUsableKey(key)) return key;
    const field = keyFields.map((one) => one.field).join(', ');
    const limit = `over 512 characters (${MAX_KEY_BYTES} bytes of UTF-8, where / and % count three)`;
    const message = `${name}: its key field "${field}" is ${describeValue(key)}, with control characters or ${limit}`;
    throw new PoisonError('key_invalid', message, field);
  };

  /** @throws PoisonError if the version cannot be compared with others */
  const usableVersionOf = (raw: unknown, key: string, advice = ''): string => {
    const version = versionOf(raw);
    if (version !== undefined) return version;
    const field = property(raw, VERSION) === undefined ? config.version : VERSION;
    const found = describeValue(property(raw, field ?? ''));
    const message = `${name} ${key}: its version field "${field}" is ${found}, which has no place in time${advice}`;
    throw new PoisonError('version_invalid', message, field);
  };

  const unknownIn = (raw: Record<string, unknown>): readonly string[] => {
    let unknown: string[] | undefined;
    // Without a list of the names: nearly all records have declared fields only.
    for (const field in raw) {
      if (declared.has(field) || OF_THE_JOURNEY.has(field) || !Object.hasOwn(raw, field)) continue;
      unknown ??= [];
      unknown.push(field);
    }
    return unknown ?? NO_FIELDS;
  };

  return {
    name,
    config,
    keyOf,
    versionOf,
    accepts(raw) {
      if (!isMapping(raw)) return false;
      const key = keyOf(raw);
      if (key === undefined || !isUsableKey(key) || versionOf(raw) === undefined) return false;
      return raw[DELETED] !== undefined || fields.read(raw) !== undefined;
    },
    decode(raw) {
      try {
        return decodeRecord(raw);
      } catch (error) {
        throw withOrigin(error, raw);
      }
    },
  };

  function decodeRecord(raw: unknown): EntityRecord {
    if (!isMapping(raw)) {
      throw new PoisonError('not_an_object', `${name}: the record is ${describeValue(raw)}, expected an object`);
    }
    if (raw[UNREADABLE] !== undefined) throw unreadable(name, raw[UNREADABLE]);
    const key = usableKeyOf(raw);
    if (raw[DELETED] !== undefined && isDeleted(raw, `${name} ${key}`)) {
      const version = usableVersionOf(raw, key, NO_VERSION_OF_DELETION);
      const hash = tombstoneHash(name, key, version);
      return { entity: name, key, version, payload: null, deleted: true, hash, unknownFields: NO_FIELDS };
    }
    const payload = fields.read(raw);
    if (payload === undefined) throw invalidField(name, key, raw, fields.faults(raw), config);
    const version = usableVersionOf(raw, key);
    const unknownFields = unknownIn(raw);
    if (config.unknownFields === 'refuse' && unknownFields.length > 0) throw refused(name, key, raw, unknownFields);
    return { entity: name, key, version, payload, deleted: false, hash: contentHash(key, payload), unknownFields };
  }
}

function unreadable(entity: string, fault: unknown): PoisonError {
  const told = typeof fault === 'string' ? fault : describeValue(fault);
  return new PoisonError('record_unreadable', `${entity}: it cannot be read as a record: ${told}`, undefined, {
    fault: told,
  });
}

const NO_FIELDS: readonly string[] = [];

/** Properties of a canonical record that are no fields. */
const OF_THE_JOURNEY: ReadonlySet<string> = new Set([DELETED, VERSION, ORIGIN]);

const NO_VERSION_OF_DELETION = ': a deleted record needs one that is not older than that of the record it deletes';

const timeAsKey = (text: string): string => {
  const instant = readInstant(text);
  return instant === undefined ? text : toMicroseconds(instant);
};

/** @param from the path at which the raw record should have had the value; the raw record itself is gone by now */
const describeMissing = (value: unknown, from: string | undefined): string =>
  value === undefined && from !== undefined ? `missing (nothing lies at ${from})` : describeValue(value);

function refused(entity: string, key: string, raw: Record<string, unknown>, unknown: readonly string[]): PoisonError {
  const kept = ownValue(raw, UNKNOWN_FIELDS);
  const names = unknown.flatMap((name) => (name === UNKNOWN_FIELDS && isMapping(kept) ? Object.keys(kept) : [name]));
  const message = `${entity} ${key}: it has fields that the entity does not declare, ${names.slice(0, 10).join(', ')}, and unknownFields is refuse: declare them, or leave them out`;
  return new PoisonError('unknown_fields', message, names[0]);
}

function invalidField(
  entity: string,
  key: string,
  raw: unknown,
  faults: readonly Fault[],
  { fields }: EntityConfig,
): PoisonError {
  const { path: steps = [], wanted = 'invalid' } = faults[0] ?? {};
  const path = steps.join('.');
  let value: unknown = raw;
  for (const step of steps) value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  const others = faults.length - 1;
  const more = others > 0 ? ` (and ${faults.length < MOST_FAULTS ? '' : 'at least '}${others} more)` : '';
  const found = describeMissing(value, steps.length === 1 ? fields[path]?.from : undefined);
  return new PoisonError('field_invalid', `${entity} ${key}: field "${path}" is ${found}: ${wanted}${more}`, path, {
    fault: wanted,
  });
}
