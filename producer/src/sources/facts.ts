import type { EndpointConfig, EndpointOf, SourceKind } from '@tributary/shared';

/** What the rest of the producer has to know of an endpoint's source, from its settings alone. */
export interface SourceFacts {
  /** What decides which records come, and how they look: part of the fingerprint. Each begins with what is asked of the other side. */
  readonly asked: readonly unknown[];
  /** The server that it asks, if it names one itself: children may be at an address below it. */
  readonly server: string | undefined;
  /** How its answers may be cut; undefined for a source that never cuts them. */
  readonly cut: CutAnswers | undefined;
  /** The longest wait that the other side may ask for, in milliseconds. */
  readonly maxRetryAfter: number;
  /** Endpoints for which it is the same are read by one run; undefined for one that is read by itself. */
  readonly group?: string | undefined;
}

/** How an API may cut its answers without saying so. */
export interface CutAnswers {
  /** Numbers in the request that may be the most records that an answer holds. */
  readonly limits: ReadonlySet<number>;
  /** One answer holds everything, so that nothing follows what was cut. */
  readonly isOnePage: boolean;
}

const FACTS: { readonly [K in SourceKind]: (endpoint: EndpointOf<K>) => SourceFacts } = {
  rest(endpoint) {
    const { url, items, as, header, within, format, paging, method, query, headers, body, form, graphql, auth } =
      endpoint;
    // Headers and credentials too: another tenant, or another account's token, sees other records. A token that is merely replaced
    // costs one full poll, whose repeats the consumer drops.
    const request = [url, method, query, headers, body, form, graphql, auth, endpoint.for];
    return {
      asked: [request, items, as, header, within, format, paging],
      server: url.startsWith('{{') ? undefined : url,
      cut: { limits: limitsIn(endpoint), isOnePage: paging.type === 'none' },
      maxRetryAfter: endpoint.maxRetryAfter,
    };
  },
  sql({ url, table, query, columns, for: chosen }) {
    const lists = Object.keys(chosen).length === 0 ? [] : [chosen];
    return {
      asked: [[withoutPassword(url), table, query, columns, ...lists]],
      server: undefined,
      cut: undefined,
      maxRetryAfter: 0,
    };
  },
  webhook({ items }) {
    return { asked: [items], server: undefined, cut: undefined, maxRetryAfter: 0 };
  },
  files({ path, format, encoding, items, append, newest, s3 }) {
    return {
      // Files that were read stay read when they are archived or moved elsewhere from now on.
      asked: [[path, s3.endpoint], format, encoding, items, append, newest],
      server: undefined,
      cut: undefined,
      maxRetryAfter: 0,
    };
  },
  'postgres-changes'({ source, url, table, slot, publication }) {
    return {
      asked: [[withoutPassword(url), table]],
      server: undefined,
      cut: undefined,
      maxRetryAfter: 0,
      group: JSON.stringify([source, withoutPassword(url), slot, publication]),
    };
  },
  program({ source, revision }) {
    return { asked: [[source, revision]], server: undefined, cut: undefined, maxRetryAfter: 0 };
  },
};

export function factsOf(endpoint: EndpointConfig): SourceFacts {
  // The compiler cannot see that the facts found by a name take the settings that hold this name.
  return (FACTS[endpoint.source] as (endpoint: EndpointConfig) => SourceFacts)(endpoint);
}

function limitsIn({ url, query, paging }: EndpointOf<'rest'>): ReadonlySet<number> {
  const texts = [...(url.split('?')[1] ?? '').split(/[&=]/), ...Object.values(query)];
  const size = 'size' in paging ? (paging.size ?? 0) : 0;
  return new Set([size, ...texts.map(Number)].filter((number) => Number.isInteger(number) && number > 1));
}

/** Another user may see other rows. Another password does not show others. */
function withoutPassword(text: string): string {
  const url = new URL(text);
  url.password = '';
  for (const name of [...url.searchParams.keys()]) if (/password/i.test(name)) url.searchParams.delete(name);
  return url.href;
}
