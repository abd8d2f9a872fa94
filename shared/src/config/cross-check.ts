import { checkSchedules } from './schedules.js';
import type { PipelineConfig } from './schema.js';

/** One thing wrong with a configuration. */
export interface Fault {
  /** Dotted path of the setting, such as `endpoints.customers.entity`. */
  readonly path: string;
  readonly message: string;
}

/** What the schema cannot see: names that must exist elsewhere in the file, and names that must differ. */
export function crossCheck(config: PipelineConfig): Fault[] {
  return [...checkEntities(config), ...checkEndpoints(config), ...checkSchedules(config), ...checkMerge(config)];
}

const known = (names: Iterable<string>): string => `expected one of ${[...names].join(', ')}`;

function* checkEntities(config: PipelineConfig): Generator<Fault> {
  const owners = new Map<string, string>();
  for (const [name, entity] of Object.entries(config.entities)) {
    const path = `entities.${name}`;
    const fields = Object.keys(entity.fields);
    const key = entity.fields[entity.key];
    if (key === undefined) yield { path: `${path}.key`, message: `no field "${entity.key}": ${known(fields)}` };
    else if (key.optional || !['string', 'integer'].includes(key.type)) {
      yield { path: `${path}.key`, message: `"${entity.key}" must be a string or an integer, and not optional` };
    }
    if (entity.version !== undefined) {
      const version = entity.fields[entity.version];
      if (version === undefined) {
        yield { path: `${path}.version`, message: `no field "${entity.version}": ${known(fields)}` };
      } else if (version.optional || !['string', 'integer', 'datetime'].includes(version.type)) {
        yield {
          path: `${path}.version`,
          message: `"${entity.version}" must be a datetime, an integer or a string that sorts, and not optional`,
        };
      }
    }
    for (const [kind, value] of [
      ['dataset', entity.dataset],
      ['queue', entity.queue],
    ] as const) {
      const owner = owners.get(`${kind} ${value}`);
      if (owner !== undefined) yield { path: `${path}.${kind}`, message: `"${value}" is already used by ${owner}` };
      owners.set(`${kind} ${value}`, path);
    }
  }
}

function* checkEndpoints(config: PipelineConfig): Generator<Fault> {
  for (const [id, endpoint] of Object.entries(config.endpoints)) {
    const entity = config.entities[endpoint.entity];
    if (entity === undefined) {
      yield {
        path: `endpoints.${id}.entity`,
        message: `no entity "${endpoint.entity}": ${known(Object.keys(config.entities))}`,
      };
    } else if (endpoint.incremental !== undefined && entity.version === undefined) {
      yield { path: `endpoints.${id}.incremental`, message: `entity "${endpoint.entity}" has no version to go by` };
    }
  }
}

function* checkMerge(config: PipelineConfig): Generator<Fault> {
  const { merge } = config;
  if (merge === undefined) return;
  const each = config.entities[merge.each.entity];
  const target = config.entities[merge.with.entity];
  const names = known(Object.keys(config.entities));
  if (each === undefined) yield { path: 'merge.each.entity', message: `no entity "${merge.each.entity}": ${names}` };
  if (target === undefined) yield { path: 'merge.with.entity', message: `no entity "${merge.with.entity}": ${names}` };
  if (Object.values(config.entities).some((entity) => entity.dataset === merge.dataset)) {
    yield { path: 'merge.dataset', message: `"${merge.dataset}" is already an entity's dataset` };
  }
  if (each === undefined || target === undefined) return;

  const lines = each.fields[merge.each.lines];
  if (lines?.type !== 'list') {
    yield { path: 'merge.each.lines', message: `"${merge.each.lines}" must be a field of type list` };
    return;
  }
  const items = lines.items ?? {};
  if (items[merge.with.on] === undefined) {
    yield { path: 'merge.with.on', message: `a line has no "${merge.with.on}": ${known(Object.keys(items))}` };
  }
  const sides: Record<string, object> = {
    [merge.each.entity]: each.fields,
    [merge.with.entity]: target.fields,
    line: items,
  };
  for (const [column, definition] of Object.entries(merge.columns)) {
    const sources =
      typeof definition === 'string'
        ? [definition]
        : 'multiply' in definition
          ? definition.multiply
          : definition.atLeast;
    for (const source of sources) {
      const [side = '', field = ''] = source.split('.');
      if (!Object.hasOwn(sides[side] ?? {}, field)) {
        yield { path: `merge.columns.${column}`, message: `"${source}" does not exist: no such side or field` };
      }
    }
  }
}
