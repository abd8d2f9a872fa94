import { expectedOneOf } from '../../words.js';
import type { Fault } from '../fault.js';
import type { IncrementalConfig } from '../incremental.js';
import type { SourceKind } from '../kinds/sources.js';
import type { EndpointConfig, EndpointOf, EntityConfig, PipelineConfig } from '../schema.js';
import { checkAuth } from './auth.js';
import { checkFiles } from './files.js';
import { checkChanges } from './postgres-changes.js';
import { checkRequest } from './request.js';
import { checkSql } from './sql.js';
import { checkHook, checkWebhook } from './webhook.js';

export function* checkEndpoints({ endpoints, entities }: PipelineConfig): Generator<Fault> {
  for (const [id, endpoint] of Object.entries(endpoints)) {
    const path = `endpoints.${id}`;
    const entity = entities[endpoint.entity];
    yield* checkParent(path, id, endpoints);
    yield* checkSource(path, endpoint, { variables: variablesOf(endpoint, endpoints), entity });
    yield* checkHook(path, endpoint);
    if (entity === undefined) {
      const message = `no entity "${endpoint.entity}": ${expectedOneOf(Object.keys(entities))}`;
      yield { path: `${path}.entity`, message, about: endpoint.entity };
    } else if (endpoint.incremental !== undefined) {
      yield* checkIncremental(`${path}.incremental`, endpoint.incremental, entity);
    }
  }
}

interface Surrounding {
  /** What placeholders have values for. */
  readonly variables: readonly string[];
  /** Undefined if there is none of this name. */
  readonly entity: EntityConfig | undefined;
}

/** What an endpoint of each kind of source cannot be. */
const CHECKS: {
  readonly [K in SourceKind]: (path: string, endpoint: EndpointOf<K>, around: Surrounding) => Iterable<Fault>;
} = {
  *rest(path, endpoint, { variables, entity }) {
    yield* checkAuth(`${path}.auth`, endpoint);
    yield* checkTls(path, endpoint);
    yield* checkRequest(path, endpoint, variables);
    if (endpoint.incremental === undefined || entity === undefined || entity.version !== undefined) return;
    yield { path: `${path}.incremental`, message: `entity "${endpoint.entity}" has no version to go by` };
  },
  sql: (path, endpoint, around) => checkSql(path, endpoint, around),
  webhook: (path, endpoint) => checkWebhook(path, endpoint),
  files: (path, endpoint) => checkFiles(path, endpoint),
  'postgres-changes': (path, endpoint, { entity }) => checkChanges(path, endpoint, entity),
  *program(path, { incremental, entity: name }, { entity }) {
    if (incremental === undefined || entity === undefined || entity.version !== undefined) return;
    yield { path: `${path}.incremental`, message: `entity "${name}" has no version to go by` };
  },
};

function checkSource(path: string, endpoint: EndpointConfig, around: Surrounding): Iterable<Fault> {
  // The compiler cannot see that the check found by a name takes the settings that hold this name.
  const check = CHECKS[endpoint.source] as (
    path: string,
    endpoint: EndpointConfig,
    around: Surrounding,
  ) => Iterable<Fault>;
  return check(path, endpoint, around);
}

/** What placeholders an endpoint has values for, beside those of paging and increments. */
function variablesOf(
  { parent, for: lists }: EndpointConfig,
  endpoints: PipelineConfig['endpoints'],
  depth = 0,
): string[] {
  const above = parent === undefined ? undefined : endpoints[parent.endpoint];
  const inherited = above === undefined || depth > MOST_GENERATIONS ? [] : variablesOf(above, endpoints, depth + 1);
  return [...new Set([...(parent === undefined ? [] : ['parent']), ...Object.keys(lists), ...inherited])];
}

/** Deeper families are taken for circles. */
const MOST_GENERATIONS = 5;

function* checkParent(path: string, id: string, endpoints: PipelineConfig['endpoints']): Generator<Fault> {
  const endpoint = endpoints[id];
  if (endpoint?.parent === undefined) return;
  const name = endpoint.parent.endpoint;
  if (endpoints[name] === undefined) {
    const others = Object.keys(endpoints).filter((other) => other !== id);
    yield { path: `${path}.parent.endpoint`, message: `no endpoint "${name}": ${expectedOneOf(others)}` };
    return;
  }
  let generations = 0;
  for (let above: string | undefined = name; above !== undefined; generations++) {
    if (above === id || generations >= MOST_GENERATIONS) {
      yield {
        path: `${path}.parent.endpoint`,
        message: `"${name}" depends on "${id}" itself (a circle), or has more than ${MOST_GENERATIONS} levels of parents`,
      };
      return;
    }
    above = endpoints[above]?.parent?.endpoint;
  }
  for (const setting of ['incremental', 'resync'] as const) {
    if (endpoint[setting] === undefined) continue;
    yield {
      path: `${path}.${setting}`,
      message: `a child is polled when its parent is, for what the parent brings: leave ${setting} out${setting === 'incremental' ? ', or set it to false where the source is sql' : ''}`,
    };
  }
}

function* checkTls(path: string, { tls }: EndpointOf<'rest'>): Generator<Fault> {
  if ((tls?.cert === undefined) !== (tls?.key === undefined)) {
    yield { path: `${path}.tls`, message: 'cert and key belong together: expected both or neither' };
  }
}

function* checkIncremental(
  path: string,
  incremental: IncrementalConfig,
  { version, fields }: EntityConfig,
): Generator<Fault> {
  if (version === undefined) return;
  yield* checkInitial(path, incremental, fields[version]?.type);
  const message = overlapFault(incremental.overlap, fields[version]?.type);
  if (message !== undefined) yield { path: `${path}.overlap`, message };
}

function* checkInitial(
  path: string,
  { initial, window, format, zone }: IncrementalConfig,
  type: string | undefined,
): Generator<Fault> {
  if (window !== undefined && type !== 'datetime') {
    yield {
      path: `${path}.window`,
      message: 'the version is not a time, and only a time can be cut into windows: leave window out',
    };
  }
  if (format !== undefined && type !== 'datetime') {
    yield { path: `${path}.format`, message: 'the version is not a time, so it is sent as it is: leave format out' };
  }
  if (zone !== undefined && (type !== 'datetime' || format === 'unix' || format === 'unix-ms')) {
    const why = type === 'datetime' ? 'a number counts from 1970 in UTC, wherever it is' : 'the version is not a time';
    yield { path: `${path}.zone`, message: `${why}: leave zone out` };
  }
  if (initial === undefined) return;
  if (type === 'datetime' && Number.isNaN(Date.parse(initial))) {
    yield {
      path: `${path}.initial`,
      message: `"${initial}" is not a time: expected one such as 2024-01-01 or 2024-01-01T00:00:00Z`,
    };
  }
  if (type === 'integer' && !/^\d+$/.test(initial)) {
    yield { path: `${path}.initial`, message: `"${initial}" is not a whole number, and the version is one` };
  }
}

/** An overlap by which the version cannot be moved back would be ignored silently. */
function overlapFault(overlap: number | { milliseconds: number } | undefined, version: string | undefined) {
  if (overlap === undefined || overlap === 0) return undefined;
  if (version === 'string') return 'overlap does not work with a version that is text; remove it';
  if (version === 'datetime' && typeof overlap === 'number') {
    return `${overlap} has no unit, and the version is a time: expected a duration such as 5s`;
  }
  return undefined;
}
