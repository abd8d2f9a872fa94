import { keyFieldsOf } from '../../records/key.js';
import { expectedOneOf } from '../../words.js';
import type { Fault } from '../fault.js';
import { protectsAny } from '../fields.js';
import type { FieldType } from '../kinds/field-types.js';
import type { EntityConfig, PipelineConfig } from '../schema.js';

export function* checkEntities({ entities }: PipelineConfig): Generator<Fault> {
  const owners = new Map<string, string>();
  for (const [name, entity] of Object.entries(entities)) {
    const path = `entities.${name}`;
    yield* checkKey(`${path}.key`, entity);
    yield* checkVersion(`${path}.version`, entity);
    yield* checkProtections(path, entity);
    for (const setting of ['dataset', 'queue'] as const) {
      const taken = `${setting} ${entity[setting]}`;
      const owner = owners.get(taken);
      if (owner !== undefined) {
        yield { path: `${path}.${setting}`, message: `"${entity[setting]}" is already used by ${owner}` };
      }
      owners.set(taken, path);
    }
  }
}

/** What is always written the same way, and so can name a record. */
const KEY_TYPES: readonly FieldType[] = ['string', 'integer', 'date', 'datetime'];

function* checkKey(path: string, entity: EntityConfig): Generator<Fault> {
  const keys = keyFieldsOf(entity);
  for (const key of keys) {
    const field = entity.fields[key];
    if (field === undefined) {
      yield { path, message: `no field "${key}": ${expectedOneOf(Object.keys(entity.fields))}`, about: key };
    } else if (field.optional || !KEY_TYPES.includes(field.type)) {
      yield {
        path,
        message: `"${key}" must be a string, an integer, a date or a datetime, and not optional`,
        about: key,
      };
    }
  }
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) yield { path, message: `"${twice}" is named twice` };
}

function* checkVersion(path: string, { version, fields }: EntityConfig): Generator<Fault> {
  if (version === undefined) return;
  const field = fields[version];
  if (field === undefined)
    yield { path, message: `no field "${version}": ${expectedOneOf(Object.keys(fields))}`, about: version };
  else if (field.optional || !['string', 'integer', 'datetime'].includes(field.type)) {
    const message = `"${version}" must be a datetime, an integer or a string that sorts, and not optional`;
    yield { path, message, about: version };
  }
}

/** What names a record must stay one name for each, and what orders its states must keep their order. */
function* checkProtections(path: string, entity: EntityConfig): Generator<Fault> {
  const { fields, version, unknownFields } = entity;
  for (const key of keyFieldsOf(entity)) {
    const kind = fields[key]?.protect?.type;
    if (kind === undefined || kind === 'hash' || kind === 'encrypt') continue;
    const message = `"${key}" is part of the key, and ${kind} would give many records one key: expected hash or encrypt`;
    yield { path: `${path}.fields.${key}.protect`, message };
  }
  if (version !== undefined && fields[version]?.protect !== undefined) {
    const message = `"${version}" is the version: protected, it could not tell which state of a record is the newer one`;
    yield { path: `${path}.fields.${version}.protect`, message };
  }
  if (unknownFields === 'keep' && protectsAny(fields)) {
    const message =
      'keep would let fields leave in the clear that nobody has looked at: expected tell or refuse beside protect';
    yield { path: `${path}.unknownFields`, message };
  }
}
