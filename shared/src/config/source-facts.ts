import { type AuthConfig, authUrls } from './kinds/auth.js';
import type { SourceKind } from './kinds/sources.js';
import { parsePlaceholders } from './placeholders.js';
import type { EndpointConfig, EndpointOf } from './schema.js';

/** What the rest of the configuration has to know of the endpoints of one kind of source. */
interface SourceFacts<E extends EndpointConfig> {
  /** The credentials with which it asks, beside those in its URL. */
  auth(endpoint: E): AuthConfig | undefined;
  /** The URLs that it asks, whose hosts may have limits of their own. */
  urls(endpoint: E): readonly string[];
  /** What works otherwise than a person may think. */
  advice(id: string, endpoint: E): Iterable<string>;
}

const FACTS: { readonly [K in SourceKind]: SourceFacts<EndpointOf<K>> } = {
  rest: {
    auth: ({ auth }) => auth,
    urls: ({ url, auth }) => [url, ...authUrls(auth)],
    *advice(id, { incremental, query, headers, form, body }) {
      if (incremental === undefined || incremental.initial !== undefined) return;
      if (!standsInText([query, headers, form, body], 'since')) return;
      yield `endpoint ${id}: {{since}} stands inside a longer text. The first poll leaves out all of that text; if more is in it than the time, set incremental.initial, such as 2000-01-01`;
    },
  },
  sql: {
    auth: () => undefined,
    urls: ({ url }) => [url],
    advice: () => [],
  },
};

// The compiler cannot see that the facts found by a name take the settings that hold this name.
const factsOf = (endpoint: EndpointConfig) => FACTS[endpoint.source] as SourceFacts<EndpointConfig>;

export const authOf = (endpoint: EndpointConfig): AuthConfig | undefined => factsOf(endpoint).auth(endpoint);

export const urlsOf = (endpoint: EndpointConfig): readonly string[] => factsOf(endpoint).urls(endpoint);

/** What works otherwise than a person may think. */
export const adviceOnEndpoint = (id: string, endpoint: EndpointConfig): Iterable<string> =>
  factsOf(endpoint).advice(id, endpoint);

/** Whether a placeholder has other text beside it, somewhere in these settings. */
function standsInText(value: unknown, name: string): boolean {
  if (typeof value === 'string') {
    const parts = parsePlaceholders(value);
    return parts.length > 1 && parts.some((part) => typeof part !== 'string' && part.placeholder === name);
  }
  return typeof value === 'object' && value !== null && Object.values(value).some((item) => standsInText(item, name));
}
