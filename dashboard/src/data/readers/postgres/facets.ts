import type { Facet } from '../port.js';
import { chosen, LONGEST_VALUE, MOST_SHOWN, MOST_VALUES } from '../query/facets.js';
import type { ReadColumn } from './columns.js';
import type { Queries } from './database.js';

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
  for (const { column, text } of columns) {
    const counted = await database.query<Counted>(
      `SELECT value, count, count(*) OVER () AS different FROM (
         SELECT NULLIF(left(${text}, ${LONGEST_VALUE + 1}), '') AS value, count(*) AS count
           FROM ${source} WHERE ${where} GROUP BY 1 LIMIT ${MOST_VALUES + 1}) AS counted
        ORDER BY count DESC, value LIMIT ${MOST_SHOWN}`,
      values,
    );
    // A filter by its beginning alone would find no row.
    if (counted.some(({ value }) => (value?.length ?? 0) > LONGEST_VALUE)) continue;
    const typed = (value: string | null) =>
      value !== null && column.type === 'boolean' ? value === 'true' || value === 't' : value;
    facets.push({
      column: column.name,
      values: counted.map(({ value, count }) => ({ value: typed(value), count: Number(count) })),
      more: Number(counted[0]?.different ?? 0) - counted.length,
    });
  }
  return chosen(facets);
}
