import { AUTH, authUrls } from './kinds/auth.js';
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
  return [
    ...checkEntities(config),
    ...checkEndpoints(config),
    ...checkLimits(config),
    ...checkSchedules(config),
    ...checkMerge(config),
  ];
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
    const named = Object.keys(endpoint.headers).some((name) => name.toLowerCase() === 'authorization');
    const inUrl = new URL(endpoint.url).username !== '' || new URL(endpoint.url).password !== '';
    if (endpoint.auth !== undefined && AUTH[endpoint.auth.type].usesAuthorizationHeader && (named || inUrl)) {
      const message =
        'credentials stand twice: here, and in the URL or in an authorization header; expected one of them';
      yield { path: `endpoints.${id}.auth`, message };
    }
    const { cert, key } = endpoint.tls ?? {};
    if ((cert === undefined) !== (key === undefined)) {
      yield { path: `endpoints.${id}.tls`, message: 'cert and key belong together: expected both or neither' };
    }
    if (entity === undefined) {
      yield {
        path: `endpoints.${id}.entity`,
        message: `no entity "${endpoint.entity}": ${known(Object.keys(config.entities))}`,
      };
    } else if (endpoint.incremental !== undefined && entity.version === undefined) {
      yield { path: `endpoints.${id}.incremental`, message: `entity "${endpoint.entity}" has no version to go by` };
    } else {
      const wrong = overlapFault(endpoint.incremental?.overlap, entity.fields[entity.version ?? '']?.type);
      if (wrong !== undefined) yield { path: `endpoints.${id}.incremental.overlap`, message: wrong };
    }
  }
}

/** A host that is spelled wrong would have no limits of its own, and nobody would know. */
function* checkLimits({ endpoints, limits }: PipelineConfig): Generator<Fault> {
  const urls = Object.values(endpoints).flatMap(({ url, auth }) => [url, ...authUrls(auth)]);
  const hosts = new Set(urls.map((url) => new URL(url).host));
  for (const host of Object.keys(limits.hosts)) {
    if (!hosts.has(host)) yield { path: `limits.hosts.${host}`, message: `no endpoint is there: ${known(hosts)}` };
  }
}

/** An overlap that the version cannot be moved back by would be ignored without a word. */
function overlapFault(overlap: number | { milliseconds: number } | undefined, version: string | undefined) {
  if (overlap === undefined || overlap === 0) return undefined;
  if (version === 'string') return 'the version is text, which has no distance to move back by; leave overlap out';
  if (version === 'datetime' && typeof overlap === 'number') {
    return `${overlap} has no unit, and the version is a time: expected a duration such as 5s`;
  }
  return undefined;
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
  const lines = each?.fields[merge.each.lines];
  if (each !== undefined && lines?.type !== 'list') {
    yield { path: 'merge.each.lines', message: `"${merge.each.lines}" must be a field of type list` };
  }
  const items = lines?.type === 'list' ? lines.items : undefined;
  if (items !== undefined && items[merge.with.on] === undefined) {
    yield { path: 'merge.with.on', message: `a line has no "${merge.with.on}": ${known(Object.keys(items))}` };
  }
  // Undefined: a side that is not known itself, which was told above; what is taken from it nobody can judge.
  const sides: Record<string, object | undefined> = {
    [merge.each.entity]: each?.fields,
    [merge.with.entity]: target?.fields,
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
      const fields = sides[side];
      const path = `merge.columns.${column}`;
      if (!Object.hasOwn(sides, side)) {
        yield { path, message: `"${source}" does not exist: no side "${side}": ${known(Object.keys(sides))}` };
      } else if (fields !== undefined && !Object.hasOwn(fields, field)) {
        yield { path, message: `"${source}" does not exist: no field "${field}": ${known(Object.keys(fields))}` };
      }
    }
  }
}
