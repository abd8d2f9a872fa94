import type { Flow } from './flow.js';
import type { Metrics } from './metrics-text.js';

/**
 * How fresh the aggregates are. The consumer that keeps them up to date tells it, and no other; while the task goes from one to another,
 * both may.
 */
export function aggregateFlows(consumers: readonly { readonly metrics: Metrics }[]): Flow['aggregates'] {
  const newest = new Map<string, number>();
  for (const { metrics } of consumers) {
    for (const { labels, value } of metrics.get('tributary_aggregate_as_of_seconds') ?? []) {
      const { dataset } = labels;
      if (dataset !== undefined) newest.set(dataset, Math.max(value, newest.get(dataset) ?? 0));
    }
  }
  return [...newest].map(([dataset, seconds]) => ({ dataset, asOf: new Date(seconds * 1_000).toISOString() }));
}
