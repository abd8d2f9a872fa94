import type { Facet } from '../port.js';
import { decode } from './columns.js';
import type { Ask, Dialect, Line, QueryColumn, Rows } from './dialect.js';

/** Values that a facet shows, facets, and different values that the column of a facet may have: at most so many. */
const MOST_SHOWN = 10;
const MOST_VALUES = 60;
const MOST_FACETS = 8;
/** Columns of which each value is counted, and how many different values and which bytes these may have in all rows. */
const MOST_COUNTED = 30;
const MOST_DIFFERENT = 1_000;
const LONGEST_VALUE = 200;

/** Columns with few different values in all rows, and with more than one: those with the fewest. */
export async function facetColumns(
  ask: Ask,
  from: string,
  columns: readonly QueryColumn[],
  { different, bytes, binary }: Dialect,
): Promise<ReadonlySet<string>> {
  const candidates = columns.filter(({ column }) => !column.system);
  const counts = candidates.map(({ plain }, index) => {
    const text = binary(`coalesce(${plain}, '')`);
    // Of two values, none may be told where they are counted about.
    return `, ${different(plain)} AS d${index}, max(${bytes(plain)}) AS l${index}, min(${text}) <> max(${text}) AS s${index}`;
  });
  const [found = {}] = await ask(`SELECT count(*) AS total${counts.join('')} FROM ${from}`);
  const told = (name: string, index: number) => Number(found[`${name}${index}`] ?? 0);
  const few = candidates
    .map(({ column: { name } }, index) => ({ name, about: told('d', index), longest: told('l', index), index }))
    .filter(
      ({ about, longest, index }) => about <= MOST_DIFFERENT && longest <= LONGEST_VALUE && found[`s${index}`] === true,
    )
    .sort((a, b) => a.about - b.about);
  return new Set(['_deleted', ...few.slice(0, MOST_COUNTED).map(({ name }) => name)]);
}

/** How often each value of these columns occurs, of those with few different values. All are counted in one pass. */
export async function facetsOf(
  ask: Ask,
  { from, where }: Rows,
  values: readonly string[],
  columns: readonly QueryColumn[],
  { binary, fetched }: Dialect,
): Promise<Facet[]> {
  if (columns.length === 0) return [];
  const texts = columns.map(({ text }, index) => `${binary(`coalesce(${text}, '')`)} AS f${index}`);
  const names = columns.map((_, index) => `f${index}`);
  // A text is never NULL, so the one that is there tells what a line counts.
  const set = `PARTITION BY ${names.map((name) => `${name} IS NULL`).join(', ')}`;
  const order = `total DESC, ${names.join(', ')}`;
  const counted = await ask(
    `SELECT ${names.map((name) => `${fetched(name)} AS ${name}`).join(', ')}, total, different FROM (
       SELECT *, row_number() OVER (${set} ORDER BY ${order}) AS place, count(*) OVER (${set}) AS different FROM (
         SELECT ${names.join(', ')}, count(*) AS total FROM (SELECT ${texts.join(', ')} FROM ${from} WHERE ${where}) AS texts
          GROUP BY GROUPING SETS (${names.map((name) => `(${name})`).join(', ')})) AS counted) AS placed
      WHERE place <= ${MOST_SHOWN} ORDER BY place`,
    values,
  );
  const facets = columns.map((column, index) => facetOf(column, `f${index}`, counted));
  // A column with another value in each row is of no use; the fewer values, the better the facet.
  return facets
    .filter((one) => (one.values[0]?.count ?? 0) > 1 && one.values.length > 1 && differentOf(one) <= MOST_VALUES)
    .sort((a, b) => differentOf(a) - differentOf(b))
    .slice(0, MOST_FACETS);
}

function facetOf({ column, field }: QueryColumn, name: string, counted: readonly Line[]): Facet {
  const lines = counted.filter((line) => line[name] !== null);
  const values = lines.map((line) => ({ value: shown(decode(String(line[name]), field)), count: Number(line.total) }));
  return { column: column.name, values, more: Number(lines[0]?.different ?? 0) - values.length };
}

const differentOf = ({ values, more }: Facet): number => values.length + more;

function shown(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : JSON.stringify(value);
}
