import { describeError, type PipelineConfig, redactUrl, textLines } from '@tributary/shared';

/** What the API knows about one record. */
export interface TrueRecord {
  /** As the API serves it now. */
  readonly record: unknown;
  /** When it last changed, in milliseconds since the epoch. */
  readonly changedAt: number;
  /** It changed since it was last served: no pipeline can know its state yet. */
  readonly pending: boolean;
  /** The API has removed it; `record` is what it was. */
  readonly deleted?: boolean;
}

/** Where the truth comes from: every record that was ever served, as it is now. */
export interface Truth {
  records(entity: string): AsyncIterable<TrueRecord>;
}

/**
 * The truth as the mock API tells it: `GET /admin/truth/<collection>`, one JSON object a line, where the collection is
 * the path of the entity's endpoints, or one of `collections`.
 * @param origin asked instead of the endpoints' own, such as http://127.0.0.1:8080
 * @param collections by entity, the paths where the API has it: for endpoints that read another place, which holds the same
 */
export function apiTruth(
  config: PipelineConfig,
  origin?: string,
  collections: Readonly<Record<string, readonly string[]>> = {},
): Truth {
  return {
    async *records(entity) {
      const known = collections[entity]?.map((path) => new URL(`/admin/truth${path}`, origin).href);
      for (const url of new Set(known ?? truthsOf(config, entity, origin))) yield* readTruth(url);
    },
  };
}

/** @throws Error if an endpoint reads no API, so that nothing says where the truth is */
function truthsOf(config: PipelineConfig, entity: string, origin: string | undefined): string[] {
  const endpoints = Object.entries(config.endpoints).filter(([, endpoint]) => endpoint.entity === entity);
  return endpoints.map(([id, endpoint]) => {
    const url = 'url' in endpoint ? endpoint.url : 'none:';
    const { protocol, pathname } = new URL(url);
    if (/^https?:$/.test(protocol)) return new URL(`/admin/truth${pathname}`, origin ?? url).href;
    throw new Error(
      `the endpoint ${id} reads ${endpoint.source}, which tells no truth: name the API's collection that holds the same records, as in --api http://127.0.0.1:8080 --collection ${entity}=/customers`,
    );
  });
}

const WANTS = 'only an API that tells its truth can be audited, as the mock API does';

async function* readTruth(url: string): AsyncGenerator<TrueRecord> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new Error(`the API's truth cannot be read at ${redactUrl(url)}: ${describeError(cause)}; is the API up?`);
  });
  if (!response.ok || response.body === null) {
    throw new Error(`${redactUrl(url)} answers ${response.status}: ${WANTS}`);
  }
  for await (const line of textLines(response.body)) {
    const told = readLine(line);
    if (told === undefined) throw new Error(`what ${redactUrl(url)} answers is no truth: ${WANTS}`);
    const { record, version, pending, deleted = false } = told;
    yield { record, changedAt: Date.parse(version), pending, deleted };
  }
}

/** @returns undefined for a line of something else: an API may answer anything to a path that it does not know */
function readLine(line: string) {
  try {
    const told = JSON.parse(line) as { record: unknown; version: string; pending: boolean; deleted?: boolean };
    return typeof told.version === 'string' && told.record !== undefined ? told : undefined;
  } catch {
    return undefined;
  }
}
