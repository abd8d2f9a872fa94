import type { Client } from 'pg';
import type { Message } from '../../messages.js';
import { pagesOf } from '../../pages.js';
import { pollOnce } from '../poll.js';
import { CUSTOMERS, insertMessages, withClient } from './customers-table.js';
import type { FilledPlace, SourceLine } from './source.js';

/** As the source has it unless told otherwise. */
const CHUNK = 10_000;

export const sql: SourceLine = {
  name: 'sql',
  words: 'a table of a Postgres, in the order of version and key',
  beside: {
    words: '`poll`: the same from HTTP pages of 100',
    measure: async (bench, messages) => (await pollOnce(bench, pagesOf(messages))).perSecond,
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
  await client.query(CUSTOMERS);
  await insertMessages(client, messages, CHUNK);
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
