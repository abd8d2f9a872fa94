import { type Dataset, encodeCell, type Field, type FieldType, parseJson } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import { columnOf, fieldsOf } from '../query/columns.js';
import type { QueryColumn } from '../query/dialect.js';
import { binary } from './dialect.js';

/** What a value from outside is cast to, by type of field. */
const CASTS: Readonly<Partial<Record<FieldType, string>>> = {
  integer: 'numeric',
  number: 'double precision',
  decimal: 'numeric',
  datetime: 'timestamptz',
  date: 'date',
  boolean: 'boolean',
};

/** The columns of a dataset, Tributary's own last; `_order` is for the consumer alone. */
export const columnsOf = (dataset: Dataset, keyColumn: string): QueryColumn[] =>
  fieldsOf(dataset).map(([name, field]) => readColumn(name, field, keyColumn));

function readColumn(name: string, field: Field, keyColumn: string): QueryColumn {
  const { type } = field;
  const sql = escapeIdentifier(name);
  const plain = `${sql}::text`;
  const isText = CASTS[type] === undefined;
  return {
    column: columnOf(name, field),
    field,
    name: sql,
    plain,
    text: asText(sql, type),
    filled: isText ? `coalesce(${plain}, '') <> ''` : `${sql} IS NOT NULL`,
    sorted: isText ? binary(`NULLIF(${plain}, '')`) : sql,
    cast: CASTS[type],
    isKey: type === 'string' && name === keyColumn,
    ...numberOf(sql, type),
    rewritten: (text) => (type === 'json' || type === 'list' ? encodeCell(parseJson(text), field, false) : text),
  };
}

function numberOf(sql: string, type: FieldType): Pick<QueryColumn, 'number' | 'ends'> {
  switch (type) {
    case 'integer':
    case 'number':
    case 'decimal':
      return {
        // What is no double, and what is no number, ends a statement that reads it as one; so does one of which a part is too near to 0 for a double.
        number: `CASE WHEN ${sql} > -1e-290 AND ${sql} < 1e-290 THEN 0
                      WHEN ${sql} > -1e300 AND ${sql} < 1e300 THEN ${sql}::float8 END`,
        ends: [`min(${sql})::text`, `max(${sql})::text`],
      };
    case 'datetime':
    case 'date':
      return { number: `CASE WHEN isfinite(${sql}) THEN (extract(epoch FROM ${sql}) * 1000)::float8 END` };
    default:
      return {};
  }
}

/**
 * A column as text that a person reads, in one form in every sink. Times as the consumer hashes them: in UTC, to
 * milliseconds, and to microseconds where there are any.
 */
function asText(sql: string, type: FieldType): string {
  switch (type) {
    case 'datetime': {
      const utc = `to_char(${sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
      return `regexp_replace(${utc}, '(\\.\\d{3}\\d*?)0+Z$', '\\1Z')`;
    }
    case 'date':
      return `to_char(${sql}, 'YYYY-MM-DD')`;
    default:
      return `${sql}::text`;
  }
}
