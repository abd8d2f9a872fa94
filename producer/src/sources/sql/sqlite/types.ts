import type { ResultColumn, Sorting, Value } from '../database.js';

/** How a column sorts. Its values may be of any type, whatever its own says, so a value tells. Numbers come before all text. */
function sortingOf(value: Value | undefined): Sorting {
  if (value === undefined || value === null) return 'unknown';
  if (typeof value === 'bigint' || typeof value === 'number') return 'number';
  if (Buffer.isBuffer(value)) return 'other';
  return /^\d{4}-\d\d-\d\dT/.test(value) ? 'isoWithT' : 'isoWithBlank';
}

/** How it probably sorts, by the rules by which SQLite reads the name of a type (manual, "Determination Of Column Affinity"). */
export function sortingOfType(type: string): Sorting {
  const name = type.toUpperCase();
  if (/CHAR|CLOB|TEXT|DATE|TIME/.test(name)) return 'isoWithBlank';
  return name === '' || /BLOB/.test(name) ? 'other' : 'number';
}

export const columnOf = (name: string, type: string | null, first: Value | undefined): ResultColumn => ({
  name,
  type: (type ?? 'any').toLowerCase(),
  sorting: sortingOf(first),
  read,
});

function read(value: Exclude<Value, null>): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  // Infinity is no number of JSON: it stays as text, and the consumer names it.
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  return value;
}
