import { Client } from 'pg';
import type { Message } from '../../messages.js';

/** The customers of the demo as a table. */
export const CUSTOMERS = `CREATE TABLE customers (id text PRIMARY KEY, name text, email text, phone text, company text, city text, country text,
  segment text, lines jsonb, "updatedAt" timestamptz(3) NOT NULL)`;

/** @param rows a list in JSON */
export async function insertCustomers(client: Client, rows: string): Promise<void> {
  await client.query('INSERT INTO customers SELECT * FROM jsonb_populate_recordset(NULL::customers, $1)', [rows]);
}

/** @param together rows of one statement */
export async function insertMessages(client: Client, messages: readonly Message[], together: number): Promise<void> {
  for (let from = 0; from < messages.length; from += together) {
    const records = messages.slice(from, from + together).map(({ body }) => body.toString());
    await insertCustomers(client, `[${records.join(',')}]`);
  }
}

export async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
