import type { Profile, View } from '../port.js';
import { type ProfiledColumn, profile } from '../query/profile.js';
import { fetched, type ReadColumn } from './columns.js';
import type { Queries } from './database.js';
import type { Table } from './table.js';

/** Tombstones hold no values, and are left out. */
const ROWS = { latest: 'is_head AND NOT is_deleted', history: 'NOT is_deleted' } as const satisfies Record<
  View,
  string
>;

/** What the values of a table's columns are like. */
export async function profileOf(
  { query }: Queries,
  table: Table,
  columns: readonly ReadColumn[],
  view: View,
): Promise<Profile> {
  const own = columns.filter(({ column }) => !column.system);
  return await profile((text) => query(text), own.map(profiled), {
    from: table.name,
    where: ROWS[view],
    since: (filter) => `epoch_ms(min(written) FILTER (WHERE ${filter}))`,
  });
}

function profiled({ column, stored: { text, compared, comparedAs } }: ReadColumn): ProfiledColumn {
  const value = `nullif(${text}, '')`;
  const common = {
    column,
    filled: `coalesce(${text}, '') <> ''`,
    different: `approx_count_distinct(${value})`,
    value: text,
    shown: fetched(text),
  };
  if (comparedAs === 'DOUBLE' && compared !== undefined) {
    const number = `CASE WHEN isfinite(${compared}) THEN ${compared} END`;
    return { ...common, number, ends: [`arg_min(${text}, ${compared})`, `arg_max(${text}, ${compared})`] };
  }
  if (column.type === 'datetime' || column.type === 'date') {
    const time = compared ?? `TRY_CAST(${text} AS TIMESTAMP)`;
    return { ...common, number: `CASE WHEN isfinite(${time}) THEN epoch_ms(${time})::DOUBLE END` };
  }
  if (column.type !== 'string') return common;
  const beginning = fetched(`left(${value}, 200)`);
  return { ...common, ends: [`min(${beginning})`, `max(${beginning})`] };
}
