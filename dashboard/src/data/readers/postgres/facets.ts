import type { Facet } from '../port.js';
import { asText, type ReadColumn } from './columns.js';
import type { Queries } from './database.js';

/** Values that a facet shows, facets, and different values that the column of a facet may have: at most so many. */
const MOST_SHOWN = 10;
const MOST_FACETS = 8;
const MOST_VALUES = 60;

/** Longer values are of no use in a facet. */
const LONGEST_VALUE = 200;

interface Counted {
  readonly value: string | null;
  readonly count: string;
  readonly different: string;
}

/** How often each value of these columns occurs, for columns with few different values. */
export async function facetsOf(
  database: Queries,
  source: string,
  where: string,
  values: readonly unknown[],
  columns: readonly ReadColumn[],
): Promise<Facet[]> {
  const facets: Facet[] = [];
  // One after the other: each reads the whole selection, and the database has other work too.
  for (const column of columns) {
    const counted = await database.query<Counted>(
      `SELECT value, count, count(*) OVER () AS different FROM (
         SELECT NULLIF(left(${asText(column)}, ${LONGEST_VALUE + 1}), '') AS value, count(*) AS count
           FROM ${source} WHERE ${where} GROUP BY 1 LIMIT ${MOST_VALUES + 1}) AS counted
        ORDER BY count DESC, value LIMIT ${MOST_SHOWN}`,
      values,
    );
    // A filter by its beginning alone would find no row.
    if (counted.some(({ value }) => (value?.length ?? 0) > LONGEST_VALUE)) continue;
    const different = Number(counted[0]?.different ?? 0);
    if (different < 2 || different > MOST_VALUES || Number(counted[0]?.count ?? 0) < 2) continue;
    facets.push({
      column: column.name,
      values: counted.map(({ value, count }) => ({ value: typed(value, column), count: Number(count) })),
      more: different - counted.length,
    });
  }
  return facets.sort((a, b) => a.values.length + a.more - (b.values.length + b.more)).slice(0, MOST_FACETS);
}

const typed = (value: string | null, { type }: ReadColumn): string | boolean | null =>
  value !== null && type === 'boolean' ? value === 'true' || value === 't' : value;
