import type { Facet } from '../port.js';
import type { IndexedParts } from './read-rows.js';
import type { CellReader } from './values.js';

/** Values that a facet shows, facets, and different values that the column of a facet may have: at most so many. */
const MOST_SHOWN = 10;
const MOST_FACETS = 8;
const MOST_VALUES = 60;

/** How often each value of the columns with few different values occurs in some rows; all of them are in memory. */
export function facetsOf(contents: IndexedParts, rows: Iterable<number>, readers: readonly CellReader[]): Facet[] {
  const columns = [...contents.values.all]
    .filter(([, { cells }]) => cells.length > 2 || contents.index.count > 20)
    .flatMap(([name, column]) => {
      const reader = readers.find((one) => one.column.name === name);
      return reader === undefined ? [] : [{ name, column, reader, counts: new Uint32Array(column.cells.length) }];
    });
  for (const row of rows) {
    for (const { column, counts } of columns) {
      const code = column.code(row);
      counts[code] = (counts[code] ?? 0) + 1;
    }
  }
  const facets = columns.map(({ name, column, reader, counts }) => {
    const present = [...counts.keys()].filter((code) => (counts[code] ?? 0) > 0);
    present.sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0));
    const values = present.slice(0, MOST_SHOWN).map((code) => ({
      value: asFacetValue(reader.read(column.cells[code] ?? '').value),
      count: counts[code] ?? 0,
    }));
    return { column: name, values, more: present.length - values.length };
  });
  // A column with another value in each row is of no use; the fewer values, the better the facet.
  return facets
    .filter(
      ({ values, more }) => (values[0]?.count ?? 0) > 1 && values.length > 1 && values.length + more <= MOST_VALUES,
    )
    .sort((a, b) => a.values.length + a.more - (b.values.length + b.more))
    .slice(0, MOST_FACETS);
}

function asFacetValue(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : JSON.stringify(value);
}
