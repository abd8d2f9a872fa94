import { Client, type QueryArrayConfig } from 'pg';
import { quotedName } from '../quoted.js';
import type { Asked, PostgresPlace, SqlTask } from '../task.js';
import { cellOf, typeOf } from './cells.js';
import { checkQuery } from './check.js';
import { asSqlError } from './errors.js';
import { boundTemporaryFiles } from './temporary-files.js';

const CONNECT_TIMEOUT = 5_000;
/** Rows that are fetched at once: each may be large, and no one bounds that but the memory of this process. */
const ROWS = 200;
const DECLARE = 'DECLARE query NO SCROLL CURSOR FOR ';

/**
 * Asks Postgres by a connection of its own, in a transaction that only reads, once Postgres itself has told what the query would use.
 * @throws SqlError
 */
export async function askPostgres({ sql, seconds }: SqlTask, place: PostgresPlace): Promise<Asked> {
  // What answers there and is no Postgres may end this process, which is one for each query.
  const client = new Client({
    connectionString: place.url,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    keepAlive: true,
    application_name: place.session,
    options: '-c default_transaction_read_only=on -c timezone=UTC',
    types: { getTypeParser: () => (text: string) => text },
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await bound(client, seconds, place.schema);
    await checkQuery(client, sql, place);
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await asked(client, DECLARE + sql);
    const { fields } = await asked(client, 'FETCH 0 FROM query');
    const columns = fields.map(({ name, dataTypeID }) => ({ name, type: typeOf(dataTypeID) }));
    return {
      columns,
      async next() {
        const { rows } = await asked(client, `FETCH ${ROWS} FROM query`).catch((error: unknown) => {
          throw asSqlError(error, seconds, 0);
        });
        if (rows.length === 0) return undefined;
        return rows.map((row) =>
          row.map((cell, index) => cellOf(cell as string | null, columns[index]?.type ?? 'string')),
        );
      },
    };
  } catch (error) {
    throw asSqlError(error, seconds, DECLARE.length);
  }
}

/** By the extended protocol, which takes one statement only. */
function asked(client: Client, text: string) {
  const query: QueryArrayConfig & { readonly queryMode: 'extended' } = {
    text,
    rowMode: 'array',
    queryMode: 'extended',
  };
  return client.query(query);
}

async function bound(client: Client, seconds: number, schema: string): Promise<void> {
  const set = (name: string, value: string) =>
    client.query('SELECT pg_catalog.set_config($1, $2, false)', [name, value]);
  await set('search_path', `pg_catalog, ${quotedName(schema)}`);
  await set('statement_timeout', String(seconds * 1_000));
  await set('lock_timeout', '5000');
  await set('idle_in_transaction_session_timeout', '300000');
  await set('work_mem', '32MB');
  await set('extra_float_digits', '1');
  // Not every version knows it, and not every role may set it.
  await set('client_connection_check_interval', '500').catch(() => {});
  await boundTemporaryFiles(client);
}
