import { likelyVersions, type TableDescription, type Value } from '../database.js';
import { sortingOf } from './types.js';

/** Tables and views that this user may read, one row for each column. `%s` is the condition. */
export const DESCRIBE = `
SELECT c.TABLE_NAME, CASE WHEN c.OWNER = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') THEN '' ELSE c.OWNER END, c.COLUMN_NAME, c.DATA_TYPE,
  c.NULLABLE, k.POSITION, t.NUM_ROWS
FROM ALL_TAB_COLUMNS c
LEFT JOIN ALL_TABLES t ON t.OWNER = c.OWNER AND t.TABLE_NAME = c.TABLE_NAME
LEFT JOIN ALL_CONSTRAINTS p ON p.OWNER = c.OWNER AND p.TABLE_NAME = c.TABLE_NAME AND p.CONSTRAINT_TYPE = 'P'
LEFT JOIN ALL_CONS_COLUMNS k ON k.OWNER = p.OWNER AND k.CONSTRAINT_NAME = p.CONSTRAINT_NAME AND k.COLUMN_NAME = c.COLUMN_NAME
WHERE %s ORDER BY c.TABLE_NAME, c.COLUMN_ID`;

export function describeTables(rows: readonly (readonly Value[])[]): TableDescription[] {
  const tables = new Map<string, (readonly string[])[]>();
  for (const row of rows) {
    const texts = row.map((value) => (value === null ? '' : String(value)));
    const [table = '', owner = ''] = texts;
    const name = owner === '' ? table : `${owner}.${table}`;
    tables.set(name, [...(tables.get(name) ?? []), texts]);
  }
  return [...tables].map(([name, columns]) => describe(name, columns));
}

function describe(name: string, rows: readonly (readonly string[])[]): TableDescription {
  const columns = rows.map(([, , column = '', type = '', nullable = '', place = '']) => ({
    name: column,
    type: type.toLowerCase(),
    nullable: nullable !== 'N',
    sorting: sortingOf(type),
    place,
  }));
  const inKey = columns.filter(({ place }) => place !== '').sort((a, b) => Number(a.place) - Number(b.place));
  const count = rows[0]?.[6] ?? '';
  return {
    name,
    columns: columns.map(({ name: column, type, nullable }) => ({ name: column, type, nullable })),
    key: inKey.map((column) => column.name),
    versions: likelyVersions(columns),
    rows: count === '' ? undefined : Number(count),
  };
}
