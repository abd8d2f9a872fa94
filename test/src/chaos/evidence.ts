import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Client, escapeIdentifier } from 'pg';

/** Writes every table of a schema into the folder, one row of JSON a line: the server goes, and what is wrong stays. */
export async function dumpTables(url: string, schema: string, folder: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1',
      [schema],
    );
    for (const { name } of tables) {
      const table = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
      const { rows } = await client.query<{ json: string }>(`SELECT row_to_json(r)::text AS json FROM ${table} r`);
      const lines = Readable.from(rows.map(({ json }) => `${json}\n`));
      await pipeline(lines, createWriteStream(join(folder, `${name}.ndjson`)));
    }
  } finally {
    await client.end();
  }
}
