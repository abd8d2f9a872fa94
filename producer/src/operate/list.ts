import { DATABASES, describeError, FatalError, RetryableError, withoutValues } from '@tributary/shared';
import { MOST_OF_TABLES } from '../sources/sql/answer-bound.js';
import { passwordsOf } from '../sources/sql/concealed.js';
import type { TableDescription } from '../sources/sql/database.js';
import { openDatabase } from '../sources/sql/databases.js';
import { describeSource } from './described.js';

export interface ListOptions {
  /** Of a database, as an endpoint has it. */
  readonly url: string;
  /** Only this table; all that the user may read unless given. */
  readonly table?: string | undefined;
  write(text: string): void;
}

/** Milliseconds. A person waits. */
const TIMEOUT = 60_000;
const CONNECT_TIMEOUT = 10_000;

/**
 * Shows the tables and views of a database that the user of the URL may read: their columns with types, their keys, and the columns by
 * which what is new can be found.
 * @throws FatalError if the URL is none of a database, if it has no such table, or if it refuses; RetryableError if it does not answer
 */
export async function listTables({ url, table, write }: ListOptions): Promise<void> {
  const schemes = Object.keys(DATABASES).map((scheme) => `${scheme}://`);
  if (!URL.canParse(url) || !schemes.some((scheme) => url.startsWith(scheme))) {
    const message = `expected the URL of a database, such as postgres://user@host:5432/database; it begins with one of ${schemes.join(', ')}`;
    throw new FatalError('url_invalid', message);
  }
  const database = openDatabase({ url, timeout: TIMEOUT, connectTimeout: CONNECT_TIMEOUT, mostBytes: MOST_OF_TABLES });
  const { signal } = new AbortController();
  try {
    const one = table === undefined ? undefined : await database.table(table, signal);
    const tables = table === undefined ? await database.tables(signal) : one === undefined ? [] : [one];
    if (table !== undefined && one === undefined) throw new FatalError('table_unknown', nothing(table));
    if (tables.length === 0) write(`${nothing(table)}\n`);
    for (const found of tables) write(`${describeTable(found)}\n\n`);
  } catch (error) {
    if (!(error instanceof FatalError || error instanceof RetryableError)) throw error;
    const message = `${database.name}: ${withoutValues(describeError(error), passwordsOf(url))}`;
    throw error instanceof FatalError ? new FatalError(error.code, message) : new RetryableError(error.code, message);
  } finally {
    await database.close();
  }
}

const nothing = (table: string | undefined): string =>
  table === undefined
    ? 'there is no table that this user may read'
    : `there is no table ${table} that this user may read; names are case-sensitive, and a table of another schema needs it in front`;

function describeTable(table: TableDescription): string {
  const { key, versions } = table;
  const named = key.length === 0 ? '' : `\n  key: ${key.join(', ')}`;
  const grows = versions.length === 0 ? 'none that its name tells' : versions.join(', ');
  return `${describeSource(table)}${named}\n  version: ${grows}`;
}
