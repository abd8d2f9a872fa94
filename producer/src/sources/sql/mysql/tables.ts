import { likelyVersions, type TableDescription, type Value } from '../database.js';
import { sortingOfDataType } from './types.js';

/** Tables and views of a schema, one row for each column. `%s` is the condition. */
export const DESCRIBE = `
SELECT t.TABLE_SCHEMA = DATABASE(), t.TABLE_SCHEMA, t.TABLE_NAME, t.TABLE_TYPE, t.TABLE_ROWS, t.DATA_LENGTH + t.INDEX_LENGTH,
  c.COLUMN_NAME, c.COLUMN_TYPE, c.DATA_TYPE, c.IS_NULLABLE, k.ORDINAL_POSITION
FROM information_schema.TABLES t
JOIN information_schema.COLUMNS c ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME
LEFT JOIN information_schema.KEY_COLUMN_USAGE k ON k.TABLE_SCHEMA = t.TABLE_SCHEMA AND k.TABLE_NAME = t.TABLE_NAME
  AND k.COLUMN_NAME = c.COLUMN_NAME AND k.CONSTRAINT_NAME = 'PRIMARY'
WHERE %s ORDER BY t.TABLE_NAME, c.ORDINAL_POSITION`;

export function describeTables(rows: readonly (readonly Value[])[]): TableDescription[] {
  const tables = new Map<string, (readonly string[])[]>();
  for (const row of rows) {
    const [isOurs = '', schema = '', table = ''] = row.map(String);
    const name = isOurs === '1' ? table : `${schema}.${table}`;
    const texts = row.map((value) => (value === null ? '' : String(value)));
    tables.set(name, [...(tables.get(name) ?? []), texts]);
  }
  return [...tables].map(([name, columns]) => describe(name, columns));
}

function describe(name: string, rows: readonly (readonly string[])[]): TableDescription {
  const [, , , kind = '', count = '', bytes = ''] = rows[0] ?? [];
  const isView = kind.includes('VIEW');
  const columns = rows.map(([, , , , , , column = '', type = '', dataType = '', nullable = '', place = '']) => ({
    name: column,
    type,
    nullable: nullable === 'YES',
    sorting: sortingOfDataType(dataType),
    place,
  }));
  const inKey = columns.filter(({ place }) => place !== '').sort((a, b) => Number(a.place) - Number(b.place));
  return {
    name,
    columns: columns.map(({ name: column, type, nullable }) => ({ name: column, type, nullable })),
    key: inKey.map((column) => column.name),
    versions: likelyVersions(columns),
    rows: isView || count === '' ? undefined : Number(count),
    bytes: isView || bytes === '' ? undefined : Number(bytes),
  };
}
