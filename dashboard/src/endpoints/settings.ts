import {
  authOf,
  concealedIn,
  type EndpointConfig,
  hookOf,
  type PipelineConfig,
  withoutValues,
} from '@tributary/shared';
import { describeEndpoint } from './describe.js';
import { sourceWords } from './modes.js';

/** One setting of an endpoint, for people. */
export interface Setting {
  readonly name: string;
  readonly value: string;
}

/**
 * What an endpoint is, as its file says it. These are settings that are named here, one by one: of all that an endpoint may have,
 * headers, queries, bodies and credentials may hold secrets, and are not told.
 */
export function settingsOf(id: string, endpoint: EndpointConfig, { entities }: PipelineConfig): readonly Setting[] {
  const { entity, priority, resync, incremental, where, deletes, parent, circuit } = endpoint;
  const { url, schedule } = describeEndpoint(id, endpoint);
  const told: Readonly<Record<string, unknown>> = {
    reads: sourceWords(endpoint),
    from: url,
    entity,
    dataset: entities[entity]?.dataset,
    queue: entities[entity]?.queue,
    schedule,
    parent: parent?.endpoint,
    paging: 'paging' in endpoint ? endpoint.paging?.type : undefined,
    credentials: authOf(endpoint)?.type,
    'takes events': hookOf(endpoint) === undefined ? undefined : `at POST /hooks/${id}`,
    incremental,
    'everything again':
      resync === undefined ? undefined : 'every' in resync ? `every ${resync.every / 1_000} s` : resync.cron,
    where,
    deletes,
    priority,
    'left alone': `for ${circuit.pause / 1_000} s after ${circuit.failures} failed polls in a row`,
  };
  const concealed = concealedIn(endpoint);
  return Object.entries(told).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value: withoutValues(textOf(value), concealed) }],
  );
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
