import { parseJson } from '@tributary/shared';
import type { ResultColumn, Sorting, Value } from '../database.js';

/** A column as the driver tells it. */
export interface OracleColumn {
  readonly name: string;
  /** Such as `NUMBER`, `TIMESTAMP WITH TIME ZONE`. */
  readonly dbTypeName: string;
}

const BYTES = /^(RAW|LONG RAW|BLOB)/;

/** Whether its values come as text. */
export const isAsText = (type: string): boolean => !BYTES.test(type);

export function sortingOf(type: string): Sorting {
  const name = type.replace(/\(\d+\)/, '');
  if (/^(NUMBER|FLOAT|INTEGER)$/.test(name)) return 'number';
  // Not all digits of a binary one are told.
  if (/^BINARY_(FLOAT|DOUBLE)$/.test(name)) return 'inconsistent';
  if (/^TIMESTAMP.*TIME ZONE$/.test(name)) return 'instant';
  if (/^(DATE|TIMESTAMP)$/.test(name)) return 'wall';
  return /^N?(VARCHAR2?|CHAR)/.test(name) ? 'text' : 'other';
}

export const columnOf = ({ name, dbTypeName }: OracleColumn): ResultColumn => ({
  name,
  type: dbTypeName.toLowerCase(),
  sorting: sortingOf(dbTypeName),
  read: readerOf(dbTypeName),
});

function readerOf(type: string): ResultColumn['read'] {
  if (!isAsText(type)) return (value) => (Buffer.isBuffer(value) ? value.toString('base64') : String(value));
  if (type === 'JSON') return (value) => parseJson(String(value));
  if (sortingOf(type) === 'number') return number;
  return (value: Exclude<Value, null>) => String(value);
}

/** A whole number that a double holds is one; everything else keeps its digits as text. */
function number(value: Exclude<Value, null>): unknown {
  const text = String(value);
  return /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}
