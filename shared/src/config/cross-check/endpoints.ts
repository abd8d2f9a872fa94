import { expectedOneOf } from '../../words.js';
import type { Fault } from '../fault.js';
import { AUTH } from '../kinds/auth.js';
import type { EndpointConfig, EntityConfig, PipelineConfig } from '../schema.js';
import { checkRequest } from './request.js';

export function* checkEndpoints({ endpoints, entities }: PipelineConfig): Generator<Fault> {
  for (const [id, endpoint] of Object.entries(endpoints)) {
    const path = `endpoints.${id}`;
    yield* checkCredentials(path, endpoint);
    yield* checkRequest(path, endpoint);
    const entity = entities[endpoint.entity];
    if (entity === undefined) {
      const message = `no entity "${endpoint.entity}": ${expectedOneOf(Object.keys(entities))}`;
      yield { path: `${path}.entity`, message };
    } else if (endpoint.incremental !== undefined) {
      yield* checkIncremental(`${path}.incremental`, endpoint, entity);
    }
  }
}

function* checkCredentials(path: string, { auth, headers, tls, url }: EndpointConfig): Generator<Fault> {
  const inUrl = /^\w+:\/\/[^/?#]*@/.test(url);
  const inHeaders = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
  if (auth !== undefined && AUTH[auth.type].usesAuthorizationHeader && (inHeaders || inUrl)) {
    const message = 'credentials stand twice: here, and in the URL or in an authorization header; expected one of them';
    yield { path: `${path}.auth`, message };
  }
  if ((tls?.cert === undefined) !== (tls?.key === undefined)) {
    yield { path: `${path}.tls`, message: 'cert and key belong together: expected both or neither' };
  }
}

function* checkIncremental(
  path: string,
  endpoint: EndpointConfig,
  { version, fields }: EntityConfig,
): Generator<Fault> {
  if (version === undefined) {
    yield { path, message: `entity "${endpoint.entity}" has no version to go by` };
    return;
  }
  yield* checkInitial(path, endpoint, fields[version]?.type);
  const message = overlapFault(endpoint.incremental?.overlap, fields[version]?.type);
  if (message !== undefined) yield { path: `${path}.overlap`, message };
}

function* checkInitial(path: string, { incremental }: EndpointConfig, type: string | undefined): Generator<Fault> {
  const { initial, window, format } = incremental ?? {};
  if (window !== undefined && type !== 'datetime') {
    yield { path: `${path}.window`, message: 'the version is no time, and only time has windows: leave window out' };
  }
  if (format !== undefined && type !== 'datetime') {
    yield { path: `${path}.format`, message: 'the version is no time: it is sent as it is; leave format out' };
  }
  if (initial === undefined) return;
  if (type === 'datetime' && Number.isNaN(Date.parse(initial))) {
    yield {
      path: `${path}.initial`,
      message: `"${initial}" is no time: expected one such as 2024-01-01 or 2024-01-01T00:00:00Z`,
    };
  }
  if (type === 'integer' && !/^\d+$/.test(initial)) {
    yield { path: `${path}.initial`, message: `"${initial}" is no whole number, as the version is` };
  }
}

/** An overlap by which the version cannot be moved back would be ignored silently. */
function overlapFault(overlap: number | { milliseconds: number } | undefined, version: string | undefined) {
  if (overlap === undefined || overlap === 0) return undefined;
  if (version === 'string') return 'the version is text, which has no distance to move back by; leave overlap out';
  if (version === 'datetime' && typeof overlap === 'number') {
    return `${overlap} has no unit, and the version is a time: expected a duration such as 5s`;
  }
  return undefined;
}
