import { Client } from 'pg';

/** A Postgres, and databases on it. */
export interface Database {
  readonly url: string;
  /** Makes an empty database. @returns its URL */
  create(): Promise<string>;
  version(): Promise<string>;
  close(): Promise<void>;
}

export async function openDatabase(url: string): Promise<Database> {
  const client = new Client({ connectionString: url });
  await client.connect();
  let count = 0;
  return {
    url,
    async create() {
      const name = `bench_${++count}`;
      await client.query(`CREATE DATABASE ${name}`);
      // What is still to be written of the one before must not fall into the next measurement.
      await client.query('CHECKPOINT');
      const created = new URL(url);
      created.pathname = `/${name}`;
      return created.href;
    },
    async version() {
      const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
      return rows[0]?.server_version ?? 'unknown';
    },
    close: () => client.end(),
  };
}
