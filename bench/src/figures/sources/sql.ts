import { Client } from 'pg';
import type { Message } from '../../messages.js';
import { pagesOf } from '../../pages.js';
import { pollOnce } from '../poll.js';
import type { FilledPlace, SourceLine } from './source.js';

/** As the source has it unless told otherwise. */
const CHUNK = 10_000;

const TABLE = `CREATE TABLE customers (id text PRIMARY KEY, name text, email text, phone text, company text, city text, country text,
  segment text, lines jsonb, "updatedAt" timestamptz(3) NOT NULL)`;

export const sql: SourceLine = {
  name: 'sql',
  words: 'a table of a Postgres, in the order of version and key',
  beside: {
    words: '`poll`: the same from HTTP pages of 100',
    measure: (bench, messages) => pollOnce(bench, pagesOf(messages)),
  },
  async fill(bench, messages): Promise<FilledPlace> {
    const database = await bench.servers.database();
    const url = await database.create();
    await withClient(url, (client) => fillTable(client, messages));
    return {
      endpoint: { source: 'sql', url, table: 'customers', chunk: CHUNK },
      readAlone: () => withClient(url, (client) => readAll(client, messages.length)),
      async remove() {},
    };
  },
};

async function fillTable(client: Client, messages: readonly Message[]): Promise<void> {
  await client.query(TABLE);
  for (let from = 0; from < messages.length; from += CHUNK) {
    const records = messages.slice(from, from + CHUNK).map(({ body }) => body.toString());
    const insert = 'INSERT INTO customers SELECT * FROM jsonb_populate_recordset(NULL::customers, $1)';
    await client.query(insert, [`[${records.join(',')}]`]);
  }
  await client.query('CREATE INDEX ON customers ("updatedAt", id)');
  await client.query('VACUUM ANALYZE customers');
}

/** In the same chunks and order, with the driver's own types. @returns records per second */
async function readAll(client: Client, count: number): Promise<number> {
  const began = performance.now();
  const order = 'ORDER BY "updatedAt", id LIMIT $1';
  let { rows } = await client.query(`SELECT * FROM customers ${order}`, [CHUNK]);
  let read = rows.length;
  while (rows.length === CHUNK) {
    const { updatedAt, id } = rows.at(-1);
    const behind = `SELECT * FROM customers WHERE ("updatedAt", id) > ($2, $3) ${order}`;
    ({ rows } = await client.query(behind, [CHUNK, updatedAt, id]));
    read += rows.length;
  }
  if (read !== count) throw new Error(`${read} rows were read of ${count}`);
  return count / ((performance.now() - began) / 1_000);
}

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
