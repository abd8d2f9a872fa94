import type { FieldType } from '@tributary/shared';
import type { Profile } from '../port.js';
import { type ProfiledColumn, profile } from '../query/profile.js';
import type { ReadColumn } from './columns.js';
import type { Queries } from './database.js';

/** To count different values exactly, Postgres sorts all of them: one in so many is counted. */
const ONE_IN = 64;

const NUMBERS: ReadonlySet<FieldType> = new Set(['integer', 'number', 'decimal']);
const TIMES: ReadonlySet<FieldType> = new Set(['datetime', 'date']);

/**
 * What the values of a table's columns are like. Tombstones hold no values, and are left out.
 * @param from what a view reads
 */
export async function profileOf(
  query: Queries['query'],
  from: string,
  columns: readonly ReadColumn[],
): Promise<Profile> {
  const own = columns.filter(({ column }) => !column.system);
  return await profile((text) => query(text), own.map(profiled), {
    from,
    where: '_deleted IS NOT TRUE',
    since: (filter) => `extract(epoch FROM min(_written_at) FILTER (WHERE isfinite(_written_at) AND ${filter})) * 1000`,
  });
}

function profiled({ column, sql, text }: ReadColumn): ProfiledColumn {
  const isText = column.type === 'string' || column.type === 'json' || column.type === 'list';
  const hash = `hashtext(${sql}::text)`;
  const common = {
    column,
    filled: isText ? `coalesce(${sql}::text, '') <> ''` : `${sql} IS NOT NULL`,
    different: `count(DISTINCT ${hash}) FILTER (WHERE ${hash} % ${ONE_IN} = 0) * ${ONE_IN}`,
    value: sql,
    shown: text,
  };
  if (NUMBERS.has(column.type)) {
    // What is no double, and what is no number, ends a statement that reads it as one.
    const isOne = `${sql} > -1e300 AND ${sql} < 1e300`;
    return {
      ...common,
      number: `CASE WHEN ${isOne} THEN ${sql}::float8 END`,
      ends: [`min(${sql})::text`, `max(${sql})::text`],
    };
  }
  if (TIMES.has(column.type)) {
    return { ...common, number: `CASE WHEN isfinite(${sql}) THEN (extract(epoch FROM ${sql}) * 1000)::float8 END` };
  }
  if (column.type !== 'string') return common;
  const beginning = `left(NULLIF(${text}, ''), 200) COLLATE "C"`;
  return { ...common, ends: [`min(${beginning})`, `max(${beginning})`] };
}
