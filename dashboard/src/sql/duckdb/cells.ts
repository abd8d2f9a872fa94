import {
  type DuckDBResult,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValueConverter,
  type Json,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api';
import { integerOf, timeOf, withoutZeros } from '../cell-texts.js';
import type { Cell, SqlColumn, SqlType } from '../port.js';

const ID = DuckDBTypeId;

/** What is no text, by DuckDB's type. */
const TYPES: Readonly<Partial<Record<DuckDBTypeId, SqlType>>> = {
  [ID.BOOLEAN]: 'boolean',
  [ID.TINYINT]: 'integer',
  [ID.SMALLINT]: 'integer',
  [ID.INTEGER]: 'integer',
  [ID.BIGINT]: 'integer',
  [ID.HUGEINT]: 'integer',
  [ID.UTINYINT]: 'integer',
  [ID.USMALLINT]: 'integer',
  [ID.UINTEGER]: 'integer',
  [ID.UBIGINT]: 'integer',
  [ID.UHUGEINT]: 'integer',
  [ID.FLOAT]: 'number',
  [ID.DOUBLE]: 'number',
  [ID.DECIMAL]: 'decimal',
  [ID.DATE]: 'date',
  [ID.TIMESTAMP]: 'datetime',
  [ID.TIMESTAMP_S]: 'datetime',
  [ID.TIMESTAMP_MS]: 'datetime',
  [ID.TIMESTAMP_NS]: 'datetime',
  [ID.TIMESTAMP_TZ]: 'datetime',
  [ID.LIST]: 'json',
  [ID.STRUCT]: 'json',
  [ID.MAP]: 'json',
  [ID.ARRAY]: 'json',
  [ID.UNION]: 'json',
  [ID.INTERVAL]: 'json',
};

const typeOf = (type: DuckDBType): SqlType => (type.alias === 'JSON' ? 'json' : (TYPES[type.typeId] ?? 'string'));

export function columnsOf(result: DuckDBResult): SqlColumn[] {
  const types = result.columnTypes();
  return result.deduplicatedColumnNames().map((name, index) => {
    const type = types[index];
    return { name, type: type === undefined ? 'string' : typeOf(type) };
  });
}

/** A value as it is handed over; see {@link Cell}. */
export const cellOf: DuckDBValueConverter<Cell> = (value, type) => {
  const kind = typeOf(type);
  // DuckDB's own converter asks itself for what is within a value.
  const json = JsonDuckDBValueConverter(value, type, JsonDuckDBValueConverter as DuckDBValueConverter<Json>);
  if (json === null) return null;
  if (kind === 'integer') return integerOf(String(json));
  if (kind === 'decimal') return withoutZeros(String(json));
  if (kind === 'datetime') return timeOf(String(json));
  if (kind === 'json' && type.alias !== 'JSON') return JSON.stringify(json);
  return typeof json === 'object' ? JSON.stringify(json) : json;
};
