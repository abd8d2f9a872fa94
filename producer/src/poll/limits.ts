import type { Endpoint } from '../endpoint.js';

/** A page of so many records looks as if the API had cut it there. */
export const USUAL_LIMITS: readonly number[] = [10, 20, 25, 30, 50, 100, 200, 250, 500, 1_000];

/** Numbers in the request that may be the most records that an answer holds. */
export function limitsIn({ config: { url, query, paging } }: Endpoint): ReadonlySet<number> {
  const texts = [...(url.split('?')[1] ?? '').split(/[&=]/), ...Object.values(query)];
  const size = 'size' in paging ? (paging.size ?? 0) : 0;
  return new Set([size, ...texts.map(Number)].filter((number) => Number.isInteger(number) && number > 1));
}

/**
 * Whether an answer that stands alone may have been cut by the API: it holds as many records as were asked for, or as many as APIs
 * give unasked. Answers for the records of a parent are many, and some hold such a number by chance.
 */
export function mayBeCut(endpoint: Endpoint, records: number): boolean {
  const { paging, parent } = endpoint.config;
  if (paging.type !== 'none' || records < 2) return false;
  return limitsIn(endpoint).has(records) || (parent === undefined && USUAL_LIMITS.includes(records));
}
