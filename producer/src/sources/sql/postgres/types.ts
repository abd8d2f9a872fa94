import { parseJson } from '@tributary/shared';
import { parse as parseArray } from 'postgres-array';
import type { ResultColumn, Sorting } from '../database.js';

/** What pg_type says of a type. */
export interface PostgresType {
  /** As people write it, such as `timestamp with time zone`. */
  readonly name: string;
  readonly category: string;
  /** Of an array: the type of its elements. */
  readonly element: string | undefined;
}

/** The statement that asks for types by their numbers. */
export const TYPES_BY_NUMBER = `
SELECT t.oid, format_type(t.oid, NULL), t.typcategory,
  CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN format_type(t.typelem, NULL) END
FROM pg_catalog.pg_type t WHERE t.oid = ANY($1::oid[])`;

const SORTINGS: Readonly<Record<string, Sorting>> = {
  'timestamp with time zone': 'instant',
  'timestamp without time zone': 'wall',
  date: 'wall',
};

export function sortingOf(name: string, category: string): Sorting {
  const known = SORTINGS[name.replace(/\(\d+\)/, '')];
  if (known !== undefined) return known;
  // Money is written in the form of its country.
  if (category === 'N') return name === 'money' ? 'other' : 'number';
  return category === 'S' ? 'text' : 'other';
}

/** How values of a type are read; anything else stays as Postgres writes it. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  boolean: (text) => text === 't',
  smallint: Number,
  integer: Number,
  oid: Number,
  // A double cannot hold every one of them.
  bigint: (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text),
  // NaN and infinity are no numbers of JSON: they stay as they are, and the consumer names them.
  real: finite,
  'double precision': finite,
  bytea: (text) => Buffer.from(text.slice('\\x'.length), 'hex').toString('base64'),
  json: parseJson,
  jsonb: parseJson,
};

function finite(text: string): unknown {
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

const asItIs = (text: string): unknown => text;

export function columnOf(name: string, { name: type, category, element }: PostgresType): ResultColumn {
  return { name, type, sorting: sortingOf(type, category), read: reading(element, READERS[type] ?? asItIs) };
}

function reading(element: string | undefined, own: (text: string) => unknown): ResultColumn['read'] {
  if (element === undefined) return (value) => own(String(value));
  const one = READERS[element] ?? asItIs;
  return (value) => parseArray(String(value), one);
}
