import { type PipelineConfig, parsePipeline } from '@tributary/shared';
import { compileEndpoints, type Endpoint, type EndpointFrom } from '../../src/endpoint.js';
import { NO_KEYS, type ProtectionKeys } from '../../src/shape/protect/keys.js';

const ENTITIES = {
  customer: {
    dataset: 'customers',
    queue: 'customer_data',
    key: 'id',
    version: 'updatedAt',
    fields: { id: 'string', name: 'string?', updatedAt: 'datetime' },
  },
  inventory: {
    dataset: 'inventory',
    queue: 'inventory_data',
    key: 'sku',
    fields: { sku: 'string', stock: 'integer?' },
  },
};

/** A pipeline for tests: two entities, and endpoints given by their settings. */
export function pipelineWith(endpoints: Record<string, object>, more: object = {}): PipelineConfig {
  const withDefaults = Object.entries(endpoints).map(([id, endpoint]) => [id, { entity: 'customer', ...endpoint }]);
  // YAML reads JSON, so the settings go through the same door as everybody's.
  const text = JSON.stringify({ entities: ENTITIES, endpoints: Object.fromEntries(withDefaults), ...more });
  return parsePipeline(text, {}, 'test');
}

/** One endpoint that reads a REST API, given by its settings. */
export function endpointWith(
  settings: object,
  more: object = {},
  keys: ProtectionKeys = NO_KEYS,
): EndpointFrom<'rest'> {
  const endpoint = only(pipelineWith({ crm: settings }, more), keys);
  const { config } = endpoint;
  if (config.source !== 'rest') throw new Error('the endpoint is no REST API');
  return { ...endpoint, config };
}

/** One endpoint that reads a database, given by its settings. */
export function sqlEndpointWith(
  settings: object,
  more: object = {},
  parents: Record<string, object> = {},
): EndpointFrom<'sql'> {
  const first = only(pipelineWith({ ...parents, bank: { source: 'sql', ...settings } }, more));
  const endpoint = first.children[0] ?? first;
  const { config } = endpoint;
  if (config.source !== 'sql') throw new Error('the endpoint is no database');
  return { ...endpoint, config };
}

/** One endpoint that reads files, given by its settings. */
export function filesEndpointWith(settings: object, more: object = {}): EndpointFrom<'files'> {
  const endpoint = only(pipelineWith({ drop: { source: 'files', ...settings } }, more));
  const { config } = endpoint;
  if (config.source !== 'files') throw new Error('the endpoint reads no files');
  return { ...endpoint, config };
}

function only(config: PipelineConfig, keys: ProtectionKeys = NO_KEYS): Endpoint {
  const [endpoint] = compileEndpoints(config, keys);
  if (endpoint === undefined) throw new Error('the endpoint is not enabled');
  return endpoint;
}
