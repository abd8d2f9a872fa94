import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { onTestFinished } from 'vitest';
import { uniqueName } from '../../services/handle.js';
import { PASSWORD } from './databases.js';

/** A database of a bank, with tables of bookings. */
export interface BankDatabase {
  /** For a user who may only read, and to whom the server gives only so many connections. */
  readonly url: string;
  /** For the owner of the tables. */
  readonly owner: string;
  /** Runs statements as the owner of the tables. */
  run(...statements: readonly string[]): Promise<void>;
  /** The statement that makes a table. */
  table(name: string): string;
}

interface Server {
  readonly admin: string;
  run(url: string, statements: readonly string[]): Promise<void>;
  readonly user: (name: string, connections: number) => string;
  readonly grant: (user: string, database: string) => readonly string[];
  /** @param database in which the rights were given */
  readonly leave: (user: string) => string;
  readonly drop: (database: string) => string;
  readonly table: (name: string) => string;
}

const COLUMNS = 'id int NOT NULL PRIMARY KEY, account varchar(20) NOT NULL, amount decimal(12, 2) NOT NULL';

export const postgresServer = (admin: string): Server => ({
  admin,
  async run(url, statements) {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  },
  user: (name, connections) => `CREATE ROLE ${name} LOGIN PASSWORD '${PASSWORD}' CONNECTION LIMIT ${connections}`,
  grant: (user) => [`ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${user}`],
  leave: (user) => `DROP ROLE ${user}`,
  drop: (database) => `DROP DATABASE ${database} WITH (FORCE)`,
  table: (name) =>
    `CREATE TABLE ${name} (${COLUMNS}, updated_at timestamptz NOT NULL DEFAULT clock_timestamp()); CREATE INDEX ON ${name} (updated_at, id)`,
});

export const mariadbServer = (admin: string): Server => ({
  admin,
  async run(url, statements) {
    const connection = await createConnection({ uri: url });
    try {
      for (const statement of statements) await connection.query(statement);
    } finally {
      await connection.end();
    }
  },
  user: (name, connections) =>
    `CREATE USER ${name}@'%' IDENTIFIED BY '${PASSWORD}' WITH MAX_USER_CONNECTIONS ${connections}`,
  grant: (user, database) => [`GRANT SELECT ON ${database}.* TO ${user}@'%'`],
  leave: (user) => `DROP USER ${user}@'%'`,
  drop: (database) => `DROP DATABASE ${database}`,
  table: (name) =>
    `CREATE TABLE ${name} (${COLUMNS}, updated_at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), INDEX (updated_at, id))`,
});

/**
 * Makes databases of one server, which go with the test, and one user who may read all of them.
 * @param connections how many that user may have, which the server sees to
 */
export async function bankDatabases(server: Server, count: number, connections: number): Promise<BankDatabase[]> {
  const user = uniqueName('reader');
  await server.run(server.admin, [server.user(user, connections)]);
  onTestFinished(() => server.run(server.admin, [server.leave(user)]));
  const databases: BankDatabase[] = [];
  for (let n = 0; n < count; n++) {
    const database = uniqueName('bank');
    const owner = within(server.admin, database);
    await server.run(server.admin, [`CREATE DATABASE ${database}`]);
    onTestFinished(() => server.run(server.admin, [server.drop(database)]));
    await server.run(owner, server.grant(user, database));
    const reader = new URL(owner);
    reader.username = user;
    reader.password = PASSWORD;
    const run = (...statements: readonly string[]) => server.run(owner, statements);
    databases.push({ url: reader.href, owner, run, table: server.table });
  }
  return databases;
}

function within(text: string, database: string): string {
  const url = new URL(text);
  url.pathname = `/${database}`;
  return url.href;
}
