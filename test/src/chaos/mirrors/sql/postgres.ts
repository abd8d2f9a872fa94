import { Client, escapeIdentifier } from 'pg';
import { startPrivatePostgres } from '../../../../services/postgres.js';
import { KEYS } from '../follow.js';
import type { CollectionName } from '../mirror.js';
import type { MirrorDatabase } from './database.js';

const TABLES: Readonly<Record<CollectionName, string>> = {
  customers: `id text PRIMARY KEY, name text NOT NULL, email text NOT NULL, phone text, company text, city text, country text, segment text,
    lines jsonb NOT NULL, archived boolean, "updatedAt" timestamptz(3) NOT NULL`,
  products: `sku text PRIMARY KEY, name text NOT NULL, category text, price numeric(12, 2) NOT NULL, currency text NOT NULL,
    stock integer NOT NULL, "reorderLevel" integer, warehouse text, "updatedAt" timestamptz(3) NOT NULL`,
};

export const postgresMirror: MirrorDatabase = {
  start: startPrivatePostgres,
  makeTables: (url) =>
    withClient(url, async (client) => {
      for (const [name, columns] of Object.entries(TABLES)) {
        await client.query(`CREATE TABLE ${name} (${columns})`);
        await client.query(`CREATE INDEX ON ${name} ("updatedAt", ${KEYS[name as CollectionName]})`);
      }
    }),
  write: (url, { collection, records, gone }) =>
    withClient(url, async (client) => {
      const key = KEYS[collection];
      const columns = await columnsOf(client, collection);
      const changes = columns
        .filter((name) => name !== key)
        .map((name) => `${quoted(name)} = excluded.${quoted(name)}`);
      await client.query('BEGIN');
      await client.query(
        `INSERT INTO ${collection} SELECT * FROM jsonb_populate_recordset(NULL::${collection}, $1)
          ON CONFLICT (${key}) DO UPDATE SET ${changes.join(', ')}`,
        [JSON.stringify(records)],
      );
      await client.query(`DELETE FROM ${collection} WHERE ${key} = ANY($1)`, [gone]);
      await client.query('COMMIT');
    }),
};

const quoted = escapeIdentifier;

async function columnsOf(client: Client, table: string): Promise<string[]> {
  const { fields } = await client.query(`SELECT * FROM ${table} LIMIT 0`);
  return fields.map(({ name }) => name);
}

/** A connection for one transaction: the server may be killed at any moment, and what was not committed is written again. */
async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 30_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => {});
  }
}
