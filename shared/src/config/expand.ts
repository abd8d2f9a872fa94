import { concealedIn } from './concealed.js';
import type { EndpointConfig, PipelineConfig } from './schema.js';

/** One value for each list of `for`, those of the parents first. */
type Chosen = readonly (readonly [variable: string, value: string])[];

/**
 * Each endpoint with `for` becomes one for each combination of its values: `orders` with `region: [eu, us]` becomes
 * `orders.eu` and `orders.us`. They are polled, marked and leased apart, so that none hides what another has not seen. The
 * children of such an endpoint multiply with it.
 */
export function expandEndpoints(config: PipelineConfig): PipelineConfig {
  const names = new Names(new Set(Object.values(config.endpoints).flatMap(concealedIn)));
  const endpoints = Object.entries(config.endpoints).flatMap(([id, endpoint]) =>
    combinations(config.endpoints, id).map((chosen): [string, EndpointConfig] => {
      const parent = endpoint.parent?.endpoint;
      const shared = parent === undefined ? [] : chosen.slice(0, lists(config.endpoints, parent).length);
      return [
        names.of(id, chosen),
        {
          ...endpoint,
          for: Object.fromEntries(chosen.map(([variable, value]) => [variable, [value]])),
          ...(parent === undefined ? {} : { parent: { endpoint: names.of(parent, shared) } }),
        },
      ];
    }),
  );
  return { ...config, endpoints: Object.fromEntries(endpoints) };
}

type Endpoints = PipelineConfig['endpoints'];
type List = readonly [variable: string, values: readonly string[]];

/** The lists of an endpoint, behind those of its parents. */
function lists(endpoints: Endpoints, id: string): readonly List[] {
  const endpoint = endpoints[id];
  if (endpoint === undefined) return [];
  const own = Object.entries(endpoint.for);
  return endpoint.parent === undefined ? own : [...lists(endpoints, endpoint.parent.endpoint), ...own];
}

/** Every way to take one value of each list; one empty way where there are no lists. */
const combinations = (endpoints: Endpoints, id: string): readonly Chosen[] =>
  lists(endpoints, id).reduce<readonly Chosen[]>(
    (ways, [variable, values]) => ways.flatMap((way) => values.map((value) => [...way, [variable, value] as const])),
    [[]],
  );

/** Gives each combination an id of its own, though two values may look alike in one. */
class Names {
  readonly #given = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #concealed: ReadonlySet<string>;

  /** @param concealed values that no id may show */
  constructor(concealed: ReadonlySet<string>) {
    this.#concealed = concealed;
  }

  of(id: string, chosen: Chosen): string {
    const combination = JSON.stringify([id, chosen]);
    const known = this.#given.get(combination);
    if (known !== undefined) return known;
    const name = [id, ...chosen.map(([, value]) => (this.#concealed.has(value) ? 'secret' : idPart(value)))].join('.');
    let unique = name;
    for (let count = 2; this.#taken.has(unique); count++) unique = `${name}-${count}`;
    this.#given.set(combination, unique);
    this.#taken.add(unique);
    return unique;
  }
}

/** A value as a part of an endpoint's id. */
const idPart = (value: string): string =>
  value
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .slice(0, 40) || 'empty';
