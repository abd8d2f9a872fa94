import type { Facet } from '../port.js';

/** Values that a facet shows, facets, and different values that the column of a facet may have: at most so many. */
export const MOST_SHOWN = 10;
export const MOST_VALUES = 60;
const MOST_FACETS = 8;
/** Longer values are of no use in a facet. */
export const LONGEST_VALUE = 200;

const differentOf = ({ values, more }: Facet): number => values.length + more;

/** A column with another value in each row is of no use; the fewer values, the better the facet. */
export const chosen = (facets: readonly Facet[]): Facet[] =>
  facets
    .filter((one) => (one.values[0]?.count ?? 0) > 1 && one.values.length > 1 && differentOf(one) <= MOST_VALUES)
    .sort((a, b) => differentOf(a) - differentOf(b))
    .slice(0, MOST_FACETS);
