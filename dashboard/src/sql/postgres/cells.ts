import { integerOf, timeOf, withoutZeros } from '../cell-texts.js';
import type { Cell, SqlType } from '../port.js';

/** What is no text, by the type's number in pg_type. */
const TYPES: Readonly<Record<number, SqlType>> = {
  16: 'boolean',
  20: 'integer',
  21: 'integer',
  23: 'integer',
  114: 'json',
  700: 'number',
  701: 'number',
  1082: 'date',
  1114: 'datetime',
  1184: 'datetime',
  1700: 'decimal',
  3802: 'json',
};

export const typeOf = (oid: number): SqlType => TYPES[oid] ?? 'string';

/** A text of Postgres as it is handed over; see {@link Cell}. */
export function cellOf(text: string | null, type: SqlType): Cell {
  if (text === null) return null;
  if (type === 'boolean') return text === 't';
  if (type === 'datetime') return timeOf(text);
  if (type === 'decimal') return withoutZeros(text);
  if (type === 'integer') return integerOf(text);
  const number = Number(text);
  return type === 'number' && Number.isFinite(number) ? number : text;
}
