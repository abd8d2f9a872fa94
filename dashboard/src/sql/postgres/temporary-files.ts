import type { Client } from 'pg';

const SET = "SELECT pg_catalog.set_config('temp_file_limit', '2GB', false)";

/** Bounds what the session writes to the server's disk while it sorts and joins; only some roles may. */
export async function boundTemporaryFiles(client: Client): Promise<void> {
  await client.query(SET).catch(() => {});
}

/** What to mend where nothing bounds it: neither this session, nor the role, nor the server. */
export async function temporaryFilesProblem(client: Client): Promise<string | undefined> {
  await boundTemporaryFiles(client);
  const { rows } = await client.query<{ bound: string }>("SELECT current_setting('temp_file_limit') AS bound");
  return rows[0]?.bound === '-1' ? UNBOUNDED : undefined;
}

const UNBOUNDED =
  "the Postgres role that asks in SQL has no temp_file_limit and may not set one, so a query may fill that server's disk: a superuser mends it by ALTER ROLE ... SET temp_file_limit = '2GB'";
