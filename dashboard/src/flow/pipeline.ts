import type { Field, PipelineConfig } from '@tributary/shared';
import { describeEndpoint } from '../endpoints/describe.js';

/** What the pipeline is made of, as far as a page needs it; nothing of headers, queries and credentials. */
export function describePipeline({ name, entities, endpoints, merges, aggregates, batch, sink }: PipelineConfig) {
  return {
    name,
    entities: Object.fromEntries(
      Object.entries(entities).map(([entity, { dataset, queue, key, version, fields }]) => [
        entity,
        { dataset, queue, key, version: version ?? null, fields: mapped(fields, describeField) },
      ]),
    ),
    endpoints: Object.entries(endpoints).map(([id, endpoint]) => describeEndpoint(id, endpoint)),
    merges: merges.map(({ dataset, each, with: other }) => ({ dataset, each, with: other })),
    aggregates: aggregates.map(({ dataset, from }) => ({ dataset, from })),
    batch,
    sink: sink.type,
  };
}

const describeField = ({ items, ...field }: Field) => ({
  ...describeScalar(field),
  items: items === undefined ? undefined : mapped(items, describeScalar),
});

const describeScalar = ({ type, optional, maxLength }: Field) => ({ type, optional, maxLength });

const mapped = <Value, Result>(values: Readonly<Record<string, Value>>, map: (value: Value) => Result) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
