import type { Endpoint } from '../endpoint.js';

/** A page of so many records looks as if the API had cut it there. */
export const USUAL_LIMITS: readonly number[] = [10, 20, 25, 30, 50, 100, 200, 250, 500, 1_000];

/**
 * Whether an answer that stands alone may have been cut by the API: it holds as many records as were asked for, or as many as APIs
 * give unasked. Answers for the records of a parent are many, and some hold such a number by chance.
 */
export function mayBeCut({ cut, config: { parent } }: Endpoint, records: number): boolean {
  if (cut === undefined || !cut.isOnePage || records < 2) return false;
  return cut.limits.has(records) || (parent === undefined && USUAL_LIMITS.includes(records));
}
