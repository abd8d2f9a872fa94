import type { ResultColumn, Sorting, Value } from '../database.js';

/** A column as the package `odbc` tells it. */
export interface OdbcColumn {
  readonly name: string;
  /** The number of its SQL type (ODBC manual, "SQL Data Types"). */
  readonly dataType: number;
  readonly dataTypeName: string;
}

const DECIMALS: ReadonlySet<number> = new Set([2, 3]);
const NUMBERS: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 8, -5, -6]);
const TEXTS: ReadonlySet<number> = new Set([1, 12, -1, -8, -9, -10]);
const TIMES: ReadonlySet<number> = new Set([91, 93]);
/** Of a REAL not all digits are told. */
const REAL = 7;

export function sortingOf(type: number): Sorting {
  if (NUMBERS.has(type)) return 'number';
  if (TIMES.has(type)) return 'wall';
  if (type === REAL) return 'inconsistent';
  return TEXTS.has(type) ? 'text' : 'other';
}

/** The driver makes a double of it, and so rounds it, unless it is cast to text. */
export const isRounded = (type: number): boolean => DECIMALS.has(type);

export const columnOf = ({ name, dataType, dataTypeName }: OdbcColumn): ResultColumn => ({
  name,
  type: dataTypeName.replace(/^SQL_(TYPE_)?/, '').toLowerCase(),
  sorting: sortingOf(dataType),
  isRounded: isRounded(dataType),
  read,
});

function read(value: Exclude<Value, null>): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  // BIT(1) of MySQL.
  return value === '\u0001' ? 1 : value === '\u0000' ? 0 : value;
}

/** A value as the driver gives it. */
export function asValue(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (typeof value === 'bigint' || typeof value === 'number' || Buffer.isBuffer(value)) return value;
  return String(value);
}
