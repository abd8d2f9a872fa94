import { expectedOneOf, type Fault } from '../fault.js';
import type { EntityConfig, PipelineConfig } from '../schema.js';

export function* checkEntities({ entities }: PipelineConfig): Generator<Fault> {
  const owners = new Map<string, string>();
  for (const [name, entity] of Object.entries(entities)) {
    const path = `entities.${name}`;
    yield* checkKey(`${path}.key`, entity);
    yield* checkVersion(`${path}.version`, entity);
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

function* checkKey(path: string, { key, fields }: EntityConfig): Generator<Fault> {
  const field = fields[key];
  if (field === undefined) yield { path, message: `no field "${key}": ${expectedOneOf(Object.keys(fields))}` };
  else if (field.optional || !['string', 'integer'].includes(field.type)) {
    yield { path, message: `"${key}" must be a string or an integer, and not optional` };
  }
}

function* checkVersion(path: string, { version, fields }: EntityConfig): Generator<Fault> {
  if (version === undefined) return;
  const field = fields[version];
  if (field === undefined) yield { path, message: `no field "${version}": ${expectedOneOf(Object.keys(fields))}` };
  else if (field.optional || !['string', 'integer', 'datetime'].includes(field.type)) {
    const message = `"${version}" must be a datetime, an integer or a string that sorts, and not optional`;
    yield { path, message };
  }
}
