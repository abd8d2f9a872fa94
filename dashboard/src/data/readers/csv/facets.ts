import type { Facet } from '../port.js';
import { chosen, LONGEST_VALUE, MOST_SHOWN } from '../query/facets.js';
import { fetched, type ReadColumn } from './columns.js';
import type { Queries, Value } from './database.js';

/** A column with more different values than this is no facet, whatever is selected. */
const MOST_DIFFERENT = 1_000;
/** Rows up to which a column needs two different values. */
const FEW_ROWS = 20;

/** Columns with few different values in all rows of a table. */
export async function facetColumns(
  { query }: Queries,
  table: string,
  columns: readonly ReadColumn[],
): Promise<ReadColumn[]> {
  const candidates = columns.filter(({ column }) => !column.system || column.name === '_deleted');
  if (candidates.length === 0) return [];
  const counts = candidates.flatMap(({ stored: { text } }, index) => [
    `approx_count_distinct(nullif(${text}, '')) AS d${index}`,
    `max(strlen(${text})) AS l${index}`,
  ]);
  const [found] = await query<Readonly<Record<string, bigint | null>>>(
    `SELECT count(*) AS total, ${counts.join(', ')} FROM ${table}`,
  );
  const total = Number(found?.total ?? 0);
  return candidates.filter((_, index) => {
    const [different, longest] = [Number(found?.[`d${index}`] ?? 0), Number(found?.[`l${index}`] ?? 0)];
    return different <= MOST_DIFFERENT && longest <= LONGEST_VALUE && (different > 1 || total > FEW_ROWS);
  });
}

/** How often each value of these columns occurs, of those with few different values. All are counted in one pass. */
export async function facetsOf(
  { query }: Queries,
  table: string,
  where: string,
  values: readonly Value[],
  columns: readonly ReadColumn[],
): Promise<Facet[]> {
  if (columns.length === 0) return [];
  const texts = columns.map(({ stored: { text } }, index) => `coalesce(${text}, '') AS f${index}`);
  const names = columns.map((_, index) => `f${index}`);
  const sets = names.map((name) => `(${name})`).join(', ');
  const counted = await query<Readonly<Record<string, string | null>> & { readonly rows: bigint }>(
    `SELECT ${names.map((name) => `${fetched(name)} AS ${name}`).join(', ')}, count(*) AS rows FROM (SELECT ${texts.join(', ')} FROM ${table} WHERE ${where})
      GROUP BY GROUPING SETS (${sets}) ORDER BY rows DESC, ${names.join(', ')}`,
    values,
  );
  // A text is never NULL, so the one that is there tells what a line counts.
  const found = columns.map(({ column, read }, index) => {
    const lines = counted.filter((line) => line[`f${index}`] !== null);
    const shown = lines.slice(0, MOST_SHOWN).map((line) => ({
      value: asFacetValue(read(line[`f${index}`] ?? '', undefined).value),
      count: Number(line.rows),
    }));
    return { column: column.name, values: shown, more: lines.length - shown.length };
  });
  return chosen(found);
}

function asFacetValue(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : JSON.stringify(value);
}
