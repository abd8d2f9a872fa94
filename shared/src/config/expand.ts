import type { EndpointConfig, PipelineConfig } from './schema.js';

/**
 * Each endpoint with `for` becomes one for each combination of its values: `orders` with `region: [eu, us]` becomes
 * `orders.eu` and `orders.us`. They are polled, marked and leased apart, so that none hides what another has not seen.
 */
export function expandEndpoints(config: PipelineConfig): PipelineConfig {
  const endpoints: Record<string, EndpointConfig> = {};
  for (const [id, endpoint] of Object.entries(config.endpoints)) {
    for (const chosen of combinations(Object.entries(endpoint.for))) {
      const name = [id, ...chosen.map(([, value]) => idPart(value))].join('.');
      let unique = name;
      for (let count = 2; Object.hasOwn(endpoints, unique); count++) unique = `${name}-${count}`;
      endpoints[unique] = {
        ...endpoint,
        for: Object.fromEntries(chosen.map(([variable, value]) => [variable, [value]])),
      };
    }
  }
  return { ...config, endpoints };
}

/** Every way to take one value of each list; one empty way where there are no lists. */
function combinations(lists: readonly (readonly [string, readonly string[]])[]): (readonly [string, string])[][] {
  const [first, ...others] = lists;
  if (first === undefined) return [[]];
  const [name, values] = first;
  return values.flatMap((value) => combinations(others).map((rest) => [[name, value] as const, ...rest]));
}

/** A value as a part of an endpoint's id. */
const idPart = (value: string): string =>
  value
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .slice(0, 40) || 'empty';
