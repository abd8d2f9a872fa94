import { readFileSync } from 'node:fs';
import { Client } from 'pg';

/** The ids of the customers in a CSV file, as often as they stand there: every line begins with one. */
export const idsIn = (file: string): string[] => readFileSync(file, 'utf8').match(/^C-\d{7}(?=,)/gm) ?? [];

/** The same of a table. */
export async function idsOf(url: string, table: string): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>(`SELECT id FROM ${table}`);
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}
