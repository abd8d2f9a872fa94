import { parseJson } from '@tributary/shared';
import mysql, { type FieldPacket } from 'mysql2';
import type { ResultColumn, Sorting, Value } from '../database.js';

/** The character set of columns that hold bytes. */
const BINARY = 63;
const NUMBERS: ReadonlySet<string> = new Set([
  'TINY',
  'SHORT',
  'LONG',
  'INT24',
  'LONGLONG',
  'DECIMAL',
  'NEWDECIMAL',
  'FLOAT',
  'DOUBLE',
  'YEAR',
]);
const INTEGERS: ReadonlySet<string> = new Set(['TINY', 'SHORT', 'LONG', 'INT24', 'LONGLONG', 'YEAR']);
const DOUBLES: ReadonlySet<string> = new Set(['FLOAT', 'DOUBLE']);
/** Sorted by their numbers, and compared with a text by their names. */
const NAMED_NUMBERS = 256 | 2_048;
/** Of a FLOAT not all digits are written, and a BIT is compared with bytes as a number. */
const INEXACT: ReadonlySet<string> = new Set(['FLOAT', 'BIT']);
const BYTES: ReadonlySet<string> = new Set([
  'TINY_BLOB',
  'MEDIUM_BLOB',
  'LONG_BLOB',
  'BLOB',
  'VAR_STRING',
  'STRING',
  'VARCHAR',
]);

/** The names of types by their numbers in the protocol. */
const NAMES: ReadonlyMap<unknown, string> = new Map(
  Object.entries(mysql.Types).map(([name, number]) => [number, name]),
);

const nameOf = (number: number | undefined): string => NAMES.get(number) ?? String(number);

/** Sessions are in UTC, so a TIMESTAMP is a moment; a DATETIME is what a clock on some wall showed. */
const SORTINGS: Readonly<Record<string, Sorting>> = {
  TIMESTAMP: 'instant',
  DATETIME: 'wall',
  DATE: 'wall',
  NEWDATE: 'wall',
};

function sortingOf(type: string, isBinary: boolean, isNamed: boolean): Sorting {
  if (isNamed || INEXACT.has(type)) return 'inconsistent';
  if (NUMBERS.has(type)) return 'number';
  return SORTINGS[type] ?? (BYTES.has(type) && !isBinary ? 'text' : 'other');
}

export function columnOf({
  name,
  columnType,
  characterSet,
  flags,
}: Pick<FieldPacket, 'name' | 'columnType' | 'characterSet' | 'flags'>): ResultColumn {
  const type = nameOf(columnType);
  const isBinary = characterSet === BINARY;
  const isNamed = typeof flags === 'number' && (flags & NAMED_NUMBERS) !== 0;
  return {
    name,
    type: isNamed ? 'enum' : type.toLowerCase(),
    sorting: sortingOf(type, isBinary, isNamed),
    read: readerOf(type, isBinary),
  };
}

/** Whether its bytes are text. As bytes they would be compared by another collation than the one in which the column is sorted. */
export const isText = ({ columnType, characterSet }: Pick<FieldPacket, 'columnType' | 'characterSet'>): boolean =>
  BYTES.has(nameOf(columnType)) && characterSet !== BINARY;

function readerOf(type: string, isBinary: boolean): ResultColumn['read'] {
  if (INTEGERS.has(type)) return (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value));
  if (DOUBLES.has(type)) return (value) => Number(value);
  if (type === 'JSON') return (value) => parseJson(String(value));
  if (type === 'BIT') return (value) => bits(value);
  if (type === 'GEOMETRY' || (BYTES.has(type) && isBinary)) return base64;
  return (value) => (Buffer.isBuffer(value) ? value.toString('utf8') : String(value));
}

const bytesOf = (value: Exclude<Value, null>): Buffer => (Buffer.isBuffer(value) ? value : Buffer.from(String(value)));

const base64 = (value: Exclude<Value, null>): string => bytesOf(value).toString('base64');

/** BIT(n) as the whole number that it is. */
function bits(value: Exclude<Value, null>): unknown {
  const whole = BigInt(`0x${bytesOf(value).toString('hex') || '0'}`);
  return whole <= Number.MAX_SAFE_INTEGER ? Number(whole) : String(whole);
}

/** What is not plain text in the protocol, and comes as its bytes. */
export const isOfBytes = (type: string): boolean => BYTES.has(type) || type === 'BIT' || type === 'GEOMETRY';

/** How a type of information_schema sorts. */
export function sortingOfDataType(type: string): Sorting {
  const name = type.toLowerCase();
  if (/^(tiny|small|medium|big)?int$|^(decimal|numeric|float|double|year)$/.test(name)) return 'number';
  if (name === 'timestamp') return 'instant';
  if (name === 'datetime' || name === 'date') return 'wall';
  return /char|text/.test(name) ? 'text' : 'other';
}
