import { likelyVersions, type TableDescription } from '../database.js';
import { sortingOf } from './types.js';

/** A row of {@link DESCRIBE}. */
export interface TableRow {
  readonly schema: string;
  readonly table: string;
  readonly is_view: boolean;
  readonly rows: string;
  readonly bytes: string;
  readonly columns: readonly { name: string; type: string; category: string; nullable: boolean }[] | null;
  readonly key: readonly string[] | null;
}

/** The tables and views that this user may read. A condition follows, which is joined by AND. */
export const DESCRIBE = `
SELECT n.nspname AS schema, c.relname AS table, c.relkind IN ('v', 'm') AS is_view,
  c.reltuples::bigint AS rows, pg_total_relation_size(c.oid) AS bytes,
  (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'category', t.typcategory, 'nullable', NOT a.attnotnull) ORDER BY a.attnum)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  (SELECT json_agg(a.attname ORDER BY k.place)
    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
    WHERE i.indrelid = c.oid AND i.indisprimary) AS key
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege(c.oid, 'SELECT')`;

export function describeTable({
  schema,
  table,
  is_view: isView,
  rows,
  bytes,
  columns,
  key,
}: TableRow): TableDescription {
  const described = (columns ?? []).map(({ name, type, category, nullable }) => ({
    name,
    type,
    nullable,
    sorting: sortingOf(type, category),
  }));
  return {
    name: schema === 'public' ? table : `${schema}.${table}`,
    columns: described.map(({ name, type, nullable }) => ({ name, type, nullable })),
    key: key ?? [],
    versions: likelyVersions(described),
    // -1 of a table that was never analysed.
    rows: isView || Number(rows) < 0 ? undefined : Number(rows),
    bytes: isView ? undefined : Number(bytes),
  };
}
