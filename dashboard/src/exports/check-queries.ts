import type { DuckDBConnection } from '@duckdb/node-api';
import { type Fault, type PipelineConfig, RetryableError } from '@tributary/shared';
import { tablesOf } from '../sql/columns.js';
import { asSqlError } from '../sql/duckdb/errors.js';
import { loadDuckDb } from '../sql/duckdb/load.js';
import { checkStatement } from '../sql/duckdb/statement.js';
import { withoutTwins } from '../sql/duckdb/twins.js';
import { placeWords } from '../sql/place-words.js';
import type { SqlTable, SqlType } from '../sql/port.js';
import { quotedName } from '../sql/quoted.js';

/**
 * What is wrong with the queries of exports, as far as it is known without a row: tables and columns that are not there, and syntax. Each query is
 * prepared on empty tables of the pipeline's own, and not run. Of queries in the SQL of Postgres only the tables are looked at, and only
 * where DuckDB understands the query.
 */
export async function faultsOfQueries(config: PipelineConfig): Promise<Fault[]> {
  const queries = Object.entries(config.exports).flatMap(([name, { query }]) =>
    query === undefined ? [] : [[name, query] as const],
  );
  if (queries.length === 0) return [];
  const isPostgres = config.sink.type === 'postgres';
  const tables = tablesOf(config, !isPostgres || config.sink.postgres.history);
  const loaded = await loadDuckDb('the queries are checked').catch((error: unknown) => {
    if (error instanceof RetryableError) return error;
    throw error;
  });
  // The file's other faults are told all the same.
  if (loaded instanceof RetryableError) return [{ path: 'exports', message: loaded.message }];
  const { DuckDBInstance } = loaded;
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '100MB' });
  const connection = await instance.connect();
  try {
    await connection.run('SET errors_as_json = true');
    for (const table of tables) await connection.run(createSql(table));
    const faults: Fault[] = [];
    for (const [name, query] of queries) {
      const wrong = await wrongWith(connection, query, tables, isPostgres);
      if (wrong !== undefined) faults.push({ path: `exports.${name}.query`, message: wrong });
    }
    return faults;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function wrongWith(
  connection: DuckDBConnection,
  query: string,
  tables: readonly SqlTable[],
  isPostgres: boolean,
): Promise<string | undefined> {
  try {
    const names = tables.map(({ name }) => name);
    await checkStatement(connection, query, names);
    if (!isPostgres) (await connection.prepare(query)).destroySync();
    return undefined;
  } catch (error) {
    const told = asSqlError(error, query);
    // What only Postgres understands is no fault.
    return isPostgres && !/^there is no table/.test(told.message) ? undefined : placeWords(query, told);
  }
}

const TYPES = {
  string: 'VARCHAR',
  integer: 'BIGINT',
  number: 'DOUBLE',
  decimal: 'DECIMAL(38, 18)',
  boolean: 'BOOLEAN',
  datetime: 'TIMESTAMP',
  date: 'DATE',
  json: 'JSON',
} as const satisfies Record<SqlType, string>;

/** Of tables too DuckDB takes names that differ in the case of their letters for one. */
function createSql({ name, columns }: SqlTable): string {
  const own = withoutTwins(columns).map((column) => `${quotedName(column.name)} ${TYPES[column.type]}`);
  return `CREATE TABLE IF NOT EXISTS ${quotedName(name)} (${own.join(', ')})`;
}
