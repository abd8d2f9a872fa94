import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { uniqueName } from '../../services/handle.js';

/** A database of the tests, as the owner of its tables and as a reader see it. */
export interface TestDatabase {
  /** For a user with a password who may only read. */
  readonly url: string;
  /** Runs statements as the owner of the tables. */
  run(...statements: readonly string[]): Promise<void>;
  /** The type of a column with times and microseconds that says nothing of a zone. */
  readonly wall: string;
  /** Removes the reader. */
  remove(): Promise<void>;
}

export const PASSWORD = 'tell-nobody';

/** @param url of a user who may make tables and users */
export async function postgresFor(url: string): Promise<TestDatabase> {
  const reader = uniqueName('reader');
  const run = async (...statements: readonly string[]) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await run(`CREATE ROLE ${reader} LOGIN PASSWORD '${PASSWORD}' IN ROLE pg_read_all_data, pg_read_all_stats`);
  return {
    url: withUser(url, reader),
    run,
    wall: 'timestamp',
    remove: () => run(`DROP ROLE ${reader}`),
  };
}

/** @param url of a user who may make tables and users */
export async function mariadbFor(url: string): Promise<TestDatabase> {
  const reader = uniqueName('reader');
  const run = async (...statements: readonly string[]) => {
    const connection = await createConnection({ uri: url });
    try {
      for (const statement of statements) await connection.query(statement);
    } finally {
      await connection.end();
    }
  };
  const database = new URL(url).pathname.slice(1);
  await run(
    `CREATE USER ${reader}@'%' IDENTIFIED BY '${PASSWORD}'`,
    `GRANT PROCESS ON *.* TO ${reader}@'%'`,
    `GRANT SELECT ON \`${database}\`.* TO ${reader}@'%'`,
  );
  return {
    url: withUser(url, reader),
    run,
    wall: 'datetime(6)',
    remove: () => run(`DROP USER ${reader}@'%'`),
  };
}

function withUser(text: string, user: string): string {
  const url = new URL(text);
  url.username = user;
  url.password = PASSWORD;
  return url.href;
}
