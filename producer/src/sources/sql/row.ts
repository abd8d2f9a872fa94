import { compilePath, type Field, parseJson } from '@tributary/shared';
import type { ResultColumn, Value } from './database.js';

type ReadValue = (value: Exclude<Value, null>) => unknown;

/** What databases without a type of their own store under another. */
const FITS: Readonly<Partial<Record<Field['type'], (value: unknown) => unknown>>> = {
  // TINYINT(1), BIT(1): there is no boolean in MySQL.
  boolean: (value) => (value === 0 || value === 1 ? value === 1 : value),
  // JSON in a column of text, as MariaDB keeps it.
  json: readJson,
  list: readJson,
};

function readJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return parseJson(value);
  } catch {
    return value;
  }
}

/**
 * Makes raw records of rows: each column under its name, in the form of JSON. What cannot be read as its type says stays as the database
 * writes it, so that the consumer dead-letters its record, naming field and value.
 *
 * @param fields the entity's, as the endpoint's map says
 */
export function rowReader(
  columns: readonly ResultColumn[],
  fields: Readonly<Record<string, Field>>,
): (row: readonly Value[]) => Record<string, unknown> {
  const wanted = new Map<unknown, Field['type']>();
  for (const [name, { from, type, value }] of Object.entries(fields)) {
    if (value !== undefined) continue;
    const [first, ...deeper] = from === undefined ? [name] : compilePath(from).steps;
    // What a path leads into has to be JSON.
    wanted.set(first, deeper.length > 0 ? 'json' : type);
  }
  const readers = columns.map(({ name, read }): readonly [string, ReadValue] => {
    const type = wanted.get(name);
    const fit = type === undefined ? undefined : FITS[type];
    return [name, fit === undefined ? read : (value) => fit(read(value))];
  });
  return (row) => {
    const record: Record<string, unknown> = Object.create(null);
    for (const [index, [name, read]] of readers.entries()) {
      const value = row[index] ?? null;
      record[name] = value === null ? null : readOr(read, value);
    }
    return record;
  };
}

function readOr(read: ReadValue, value: Exclude<Value, null>): unknown {
  try {
    return read(value);
  } catch {
    return Buffer.isBuffer(value) ? value.toString('base64') : String(value);
  }
}
