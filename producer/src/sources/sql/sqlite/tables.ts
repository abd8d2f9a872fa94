import { likelyVersions, type TableDescription, type Value } from '../database.js';
import { sortingOfType } from './types.js';

/** Tables and views, one row for each column. `%s` is a condition. */
export const DESCRIBE = `
SELECT m.name, m.type, p.name, p.type, p."notnull", p.pk, m.sql LIKE '%WITHOUT ROWID%'
FROM sqlite_schema m JOIN pragma_table_info(m.name) p
WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND %s ORDER BY m.name, p.cid`;

export function describeTables(rows: readonly (readonly Value[])[]): TableDescription[] {
  const tables = new Map<string, (readonly string[])[]>();
  for (const row of rows) {
    const texts = row.map((value) => (value === null ? '' : String(value)));
    const [name = ''] = texts;
    tables.set(name, [...(tables.get(name) ?? []), texts]);
  }
  return [...tables].map(([name, columns]) => describe(name, columns));
}

function describe(name: string, rows: readonly (readonly string[])[]): TableDescription {
  const inKey = rows.filter(([, , , , , place]) => Number(place) > 0);
  const columns = rows.map(([, , column = '', type = '', isFull = '', place = '', isClustered = '']) => {
    // Other columns of a primary key may be empty, by a fault of SQLite that is kept (manual, "CREATE TABLE").
    const isRowNumber = Number(place) > 0 && inKey.length === 1 && type.toUpperCase() === 'INTEGER';
    const isNeverNull = isFull === '1' || isRowNumber || (Number(place) > 0 && isClustered === '1');
    return {
      name: column,
      type: type.toLowerCase() || 'any',
      nullable: !isNeverNull,
      sorting: sortingOfType(type),
    };
  });
  return {
    name,
    columns: columns.map(({ name: column, type, nullable }) => ({ name: column, type, nullable })),
    key: inKey.toSorted((a, b) => Number(a[5]) - Number(b[5])).map(([, , column = '']) => column),
    versions: likelyVersions(columns),
  };
}
