import type { FieldType } from '@tributary/shared';
import { columnOf, fieldsOf } from '../query/columns.js';
import type { QueryColumn } from '../query/dialect.js';
import type { StoredColumn, Table } from './table.js';

/** The columns of the configuration, those that only the parts have, and Tributary's own. */
export function columnsOf(table: Table): QueryColumn[] {
  const names = table.columns.map(({ name }) => name);
  return fieldsOf(table.dataset, names).map(([name, field]) => {
    const stored = table.column(name);
    const { text, compared, comparedAs } = stored;
    const isExact = compared !== undefined && (field.type === 'integer' || field.type === 'decimal');
    return {
      column: columnOf(name, field),
      field,
      name: text,
      plain: text,
      text,
      filled: `coalesce(${text}, '') <> ''`,
      sorted: compared ?? (field.type === 'boolean' ? booleanOf(text) : `nullif(${text}, '')`),
      cast: comparedAs,
      tie: isExact ? { sorted: tieOf(text, compared, table.name), exactly } : undefined,
      ...numberOf(stored, field.type),
    };
  });
}

/** To read a million texts exactly takes 10 s of CPU. It is needed for those that are long, and for what might be equal to one. */
function tieOf(text: string, compared: string, table: string): string {
  const isLong = `strlen(${text}) > ${SURE_DIGITS}`;
  const long = `SELECT ${compared} FROM ${table} WHERE ${isLong}`;
  return `CASE WHEN ${isLong} OR ${compared} IN (${long}) THEN ${exactly(text)} END`;
}

/** Numbers of so many digits that differ do so in 64 bits too. */
const SURE_DIGITS = 15;

/** Numbers that are one and the same in 64 bits differ in what comes behind: up to 20 digits before the point, and 18 behind it, are compared. */
const exactly = (text: string): string => `TRY_CAST(${text} AS DECIMAL(38, 18))`;

/** As the sink's cells are read: what is not `true` is `false`. */
const booleanOf = (text: string): string =>
  `CASE WHEN ${text} IS NULL OR ${text} = '' THEN NULL WHEN ${text} = 'true' THEN 'true' ELSE 'false' END`;

function numberOf({ text, compared, comparedAs }: StoredColumn, type: FieldType): Pick<QueryColumn, 'number' | 'ends'> {
  if (comparedAs === 'DOUBLE' && compared !== undefined) {
    const number = `CASE WHEN isfinite(${compared}) THEN ${compared} END`;
    return { number, ends: [`arg_min(${text}, ${compared})`, `arg_max(${text}, ${compared})`] };
  }
  if (type !== 'datetime' && type !== 'date') return {};
  const time = compared ?? `TRY_CAST(${text} AS TIMESTAMP)`;
  return { number: `CASE WHEN isfinite(${time}) THEN epoch_ms(${time})::DOUBLE END` };
}
