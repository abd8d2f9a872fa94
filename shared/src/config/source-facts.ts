import { type AuthConfig, authUrls } from './kinds/auth.js';
import type { SourceKind } from './kinds/sources.js';
import type { SenderConfig } from './kinds/webhook-senders.js';
import { parsePlaceholders } from './placeholders.js';
import type { EndpointConfig, EndpointOf } from './schema.js';

/** A door for events, and what it says of their records. */
export interface HookConfig extends Pick<EndpointConfig, 'map' | 'where'> {
  readonly sender: SenderConfig;
  readonly items: string;
  readonly payload?: string | undefined;
  /** Milliseconds. */
  readonly tolerance: number;
  /** Bytes. */
  readonly maxBodySize: number;
  readonly rate: { readonly perSecond: number; readonly burst: number };
  /** Milliseconds. */
  readonly answerWithin: number;
  readonly maxBacklog: number;
  readonly deletes: { readonly when?: string | undefined } | undefined;
  /** An event is only a reason to poll. */
  readonly notifies: boolean;
}

/** What the rest of the configuration has to know of the endpoints of one kind of source. */
interface SourceFacts<E extends EndpointConfig> {
  /** The credentials with which it asks, beside those in its URL. */
  auth(endpoint: E): AuthConfig | undefined;
  /** The URLs that it asks, whose hosts may have limits of their own. */
  urls(endpoint: E): readonly string[];
  /** Where its records come from, for people: a URL, or words. */
  origin(id: string, endpoint: E): string;
  /** Whether its records go by the order in which they were changed there, instead of the entity's version. */
  readonly hasOwnOrder?: boolean;
  /**
   * What is lost when queues and ledger are in memory and end with the process, in words that follow the names of the endpoints; absent where all
   * is asked for again.
   */
  readonly lostWithMemory?: string;
  /** What works otherwise than a person may think. */
  advice(id: string, endpoint: E): Iterable<string>;
  /** The door at which it takes events; undefined if it has none. */
  hook(endpoint: E): HookConfig | undefined;
}

/** What an event's records are like is as the endpoint says, unless the door says otherwise. */
function besideHook({ webhook, map, where, deletes }: EndpointConfig): HookConfig | undefined {
  if (webhook === undefined) return undefined;
  const when = webhook.deletes?.when ?? deletes?.when;
  return {
    ...webhook,
    map: webhook.map ?? map,
    where: webhook.where ?? where,
    deletes: when === undefined ? undefined : { when },
  };
}

const FACTS: { readonly [K in SourceKind]: SourceFacts<EndpointOf<K>> } = {
  rest: {
    auth: ({ auth }) => auth,
    urls: ({ url, auth }) => [url, ...authUrls(auth)],
    origin: (_id, { url }) => url,
    *advice(id, { incremental, paging, query, headers, form, body }) {
      if (incremental === undefined) return;
      if (paging.type === 'page' || paging.type === 'offset')
        yield `endpoint ${id}: its pages are found by number, and records move between them while they are read, so a poll that finds several pages reads them all again until two readings agree: twice as many requests. A cursor or links, if the API has them, are read once`;
      if (incremental.initial !== undefined) return;
      if (!standsInText([query, headers, form, body], 'since')) return;
      yield `endpoint ${id}: {{since}} stands inside a longer text. The first poll leaves out all of that text; if more is in it than the time, set incremental.initial, such as 2000-01-01`;
    },
    hook: besideHook,
  },
  sql: {
    auth: () => undefined,
    urls: ({ url }) => [url],
    origin: (_id, { url }) => url,
    advice: () => [],
    hook: besideHook,
  },
  files: {
    auth: () => undefined,
    urls: ({ s3 }) => (s3.endpoint === undefined ? [] : [s3.endpoint]),
    origin: (_id, { path }) => path,
    advice: () => [],
    hook: besideHook,
  },
  webhook: {
    auth: () => undefined,
    urls: () => [],
    origin: (id) => `POST /hooks/${id}`,
    lostWithMemory: 'an event that was answered with 200 and is not written yet is lost if this is killed',
    advice: () => [],
    hook: ({ map, where, deletes, ...settings }) => ({
      ...settings,
      map,
      where,
      deletes: deletes && { when: deletes.when },
      notifies: false,
    }),
  },
  'postgres-changes': {
    auth: () => undefined,
    urls: ({ url }) => [url],
    origin: (_id, { url }) => url,
    hasOwnOrder: true,
    advice: () => [],
    hook: () => undefined,
  },
  program: {
    auth: () => undefined,
    urls: () => [],
    origin: (id) => `the program's source ${id}`,
    advice: () => [],
    hook: besideHook,
  },
};

/** Whether there is anything to ask. */
const POLLED: Readonly<Record<SourceKind, boolean>> = {
  rest: true,
  sql: true,
  webhook: false,
  files: true,
  'postgres-changes': true,
  program: true,
};

// The compiler cannot see that the facts found by a name take the settings that hold this name.
const factsOf = (endpoint: EndpointConfig) => FACTS[endpoint.source] as SourceFacts<EndpointConfig>;

export const authOf = (endpoint: EndpointConfig): AuthConfig | undefined => factsOf(endpoint).auth(endpoint);

export const urlsOf = (endpoint: EndpointConfig): readonly string[] => factsOf(endpoint).urls(endpoint);

/** Where an endpoint's records come from, for people: a URL, which may hold a password, or words. */
export const originOf = (id: string, endpoint: EndpointConfig): string => factsOf(endpoint).origin(id, endpoint);

/** Whether the endpoint's source is ever asked; otherwise it only takes events. */
export const isPolled = ({ source }: EndpointConfig): boolean => POLLED[source];

/** The door at which an endpoint takes events; undefined if it has none. */
export const hookOf = (endpoint: EndpointConfig): HookConfig | undefined => factsOf(endpoint).hook(endpoint);

/** Whether the records of an endpoint go by an order of its source, instead of the entity's version. */
export const hasOwnOrder = (endpoint: EndpointConfig): boolean => factsOf(endpoint).hasOwnOrder ?? false;

/** With `deletes.missing`, of any source: the keys of the last poll are what the next poll is compared with. */
const KEYS_FORGOTTEN =
  'which records were there is forgotten when this ends, so a record that is gone before the next start polls stays in the output (set REDIS_URL and AMQP_URL to keep the keys)';

/** What endpoints lose when queues and ledger in memory end with the process: each in one line that names them. */
export function lostWithMemory(endpoints: Readonly<Record<string, EndpointConfig>>): readonly string[] {
  const found = new Map<string, string[]>();
  for (const [id, endpoint] of Object.entries(endpoints)) {
    if (!endpoint.enabled) continue;
    const ofMissing = endpoint.deletes?.missing === true ? KEYS_FORGOTTEN : undefined;
    for (const words of [factsOf(endpoint).lostWithMemory, ofMissing]) {
      if (words !== undefined) found.set(words, [...(found.get(words) ?? []), id]);
    }
  }
  return [...found].map(([words, ids]) => `${ids.join(', ')}: ${words}`);
}

/** What works otherwise than a person may think. */
export function* adviceOnEndpoint(id: string, endpoint: EndpointConfig): Generator<string> {
  yield* factsOf(endpoint).advice(id, endpoint);
  const sender = hookOf(endpoint)?.sender;
  if (sender === undefined) return;
  if (sender.type === 'none') {
    yield `endpoint ${id}: NOTHING CHECKS WHO SENDS its events (sender: none). Whoever reaches /hooks/${id} can write into its dataset; name the sender and its secret, or let only a proxy that checks reach the door`;
    return;
  }
  if (sender.secret.length === 0) {
    yield `endpoint ${id}: the secret of its sender is empty, so that every event is refused: set it`;
  }
}

/** Whether a placeholder has other text beside it, somewhere in these settings. */
function standsInText(value: unknown, name: string): boolean {
  if (typeof value === 'string') {
    const parts = parsePlaceholders(value);
    return parts.length > 1 && parts.some((part) => typeof part !== 'string' && part.placeholder === name);
  }
  return typeof value === 'object' && value !== null && Object.values(value).some((item) => standsInText(item, name));
}
