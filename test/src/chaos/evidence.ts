import { copyFileSync, cpSync, createWriteStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Client, escapeIdentifier } from 'pg';
import { withRedis } from './redis.js';
import type { Stage } from './stage.js';

/** Copies what landed, and what Redis holds, into the folder of the run: servers and disks go, and what is wrong stays. */
export async function keepEvidence({ postgres, redis, pipeline, folder }: Stage): Promise<void> {
  const { csv, postgres: settings } = pipeline.config.sink;
  await withRedis(redis.url, (client) => client.save());
  copyFileSync(join(redis.folder, 'dump.rdb'), join(folder, 'redis.rdb'));
  if (postgres !== undefined) return dumpTables(postgres.url, settings.schema, folder);
  if (existsSync(csv.directory)) cpSync(csv.directory, join(folder, 'landed'), { recursive: true });
}

/** Writes every table of a schema into the folder, one row of JSON a line. */
async function dumpTables(url: string, schema: string, folder: string): Promise<void> {
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
