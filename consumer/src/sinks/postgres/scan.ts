import { canonicalInteger, type Dataset, type FieldType, parseJson } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import type { FoundRow, LandedRow } from '../port.js';
import type { Database } from './database.js';
import { findLeftHistory } from './left-history.js';
import { checkNothingHidden } from './row-security.js';
import { type Column, type DatasetTables, isLive, type PostgresTables, type Table, tablesIn } from './tables.js';
import type { Transaction } from './transaction.js';

const ROWS_PER_FETCH = 500;

/** Milliseconds that the caller may take for the rows of one fetch, before the server ends the transaction. */
const PATIENCE = 5 * 60_000;

interface Fetched {
  readonly _key: string;
  readonly _hash: string;
  readonly _version: string;
  readonly _message_id: string;
  readonly [column: string]: unknown;
}

/** Streams what has landed, as of one moment: the newest row of each key, then the keys that were closed. */
export async function* scanRows(database: Database, tables: DatasetTables): AsyncGenerator<LandedRow> {
  const { rows, tombstones } = tables;
  const transaction = await begin(database, tables);
  try {
    yield* scanTable(transaction, tables, rows, isLive(tables, 'r'));
    yield* scanTable(transaction, tables, tombstones);
  } finally {
    await transaction.abandon();
  }
}

/** Streams the newest row of each key that is not closed, as of one moment. */
export async function* scanNewest(database: Database, tables: DatasetTables): AsyncGenerator<LandedRow> {
  const transaction = await begin(database, tables);
  try {
    yield* scanTable(transaction, tables, tables.rows, isLive(tables, 'r'));
  } finally {
    await transaction.abandon();
  }
}

/** Streams the rows that are meant, as of one moment, from every table of the dataset, also from a history that is kept no more. */
export async function* findRows(
  database: Database,
  all: PostgresTables,
  tables: DatasetTables,
  isMeant: (row: LandedRow) => boolean,
): AsyncGenerator<FoundRow> {
  const transaction = await begin(database, tables);
  try {
    const left = await findLeftHistory(transaction, all, tables);
    for (const table of [...tablesIn(tables), ...(left === undefined ? [] : [left])]) {
      for await (const row of scanTable(transaction, tables, table)) if (isMeant(row)) yield { place: table.name, row };
    }
  } finally {
    await transaction.abandon();
  }
}

async function begin(database: Database, tables: DatasetTables): Promise<Transaction> {
  const transaction = await database.begin('REPEATABLE READ READ ONLY', { hangTimeout: PATIENCE });
  try {
    await checkNothingHidden(transaction, tablesIn(tables));
    return transaction;
  } catch (error) {
    await transaction.abandon();
    throw error;
  }
}

async function* scanTable(
  transaction: Transaction,
  { tombstones, dataset }: DatasetTables,
  table: Table,
  where = 'true',
): AsyncGenerator<LandedRow> {
  const columns = table.columns.map(expression).join(', ');
  await transaction.query(
    `DECLARE landed NO SCROLL CURSOR FOR SELECT ${columns} FROM ${table.sql} AS r WHERE ${where}`,
  );
  for (;;) {
    const fetched = await transaction.query<Fetched>(`FETCH ${ROWS_PER_FETCH} FROM landed`);
    for (const row of fetched) yield readRow(row, dataset, table === tombstones || row._deleted === true);
    if (fetched.length < ROWS_PER_FETCH) break;
  }
  await transaction.query('CLOSE landed');
}

/**
 * Times are read as text in a fixed form: a JavaScript Date would lose their microseconds, and their usual form depends on the
 * server's settings. JSON is read as text too: pg would change numbers of many digits.
 */
function expression({ name, type }: Column): string {
  const quoted = escapeIdentifier(name);
  switch (type) {
    case 'timestamp with time zone':
      return `to_char(${quoted} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ${quoted}`;
    case 'date':
      return `to_char(${quoted}, 'YYYY-MM-DD') AS ${quoted}`;
    case 'jsonb':
      return `${quoted}::text AS ${quoted}`;
    default:
      return quoted;
  }
}

function readRow(row: Fetched, dataset: Dataset, deleted: boolean): LandedRow {
  return {
    key: row._key,
    hash: row._hash,
    version: row._version,
    messageId: row._message_id,
    deleted,
    get values() {
      const values: Record<string, unknown> = {};
      for (const [name, { type }] of Object.entries(dataset.columns)) {
        const value = row[name];
        if (value !== undefined && value !== null) values[name] = readValue(value, type);
      }
      return values;
    },
  };
}

function readValue(value: unknown, type: FieldType): unknown {
  switch (type) {
    case 'integer':
      // pg gives a bigint as text.
      return canonicalInteger(String(value)) ?? value;
    case 'datetime':
      // With milliseconds always, and with microseconds where there are any: the form in which it was hashed.
      return (value as string).replace(/(\.\d{3}\d*?)0+Z$/, '$1Z');
    case 'json':
    case 'list':
      return parseJson(value as string);
    default:
      return value;
  }
}
