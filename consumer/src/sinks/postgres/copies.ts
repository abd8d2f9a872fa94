import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import {
  type BackupFiles,
  type BackupFolder,
  connectToPrimary,
  count,
  FatalError,
  nameOfServers,
  postgresServers,
  refuseOddMessages,
  type SinkConfig,
} from '@tributary/shared';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { type CopiedOutput, type CopiesParts, OUTPUT, type OutputCopies } from '../copies/port.js';
import { describeTable, isShared, leftBeside, RESTORING, type SavedTable, tablesThere } from './copies-catalog.js';

/** How values are written as text must not hang on the settings of the server, and a large table takes its time. */
const SETTINGS = `SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL extra_float_digits = 1;
  SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = 'hex'`;

const CATALOG = `${OUTPUT}tables.json`;

const fileOf = (table: number): string => `${OUTPUT}${table}.copy`;

export function postgresCopies(
  { schema }: SinkConfig['postgres'],
  { postgresUrl = '', pipeline: name }: CopiesParts,
): OutputCopies {
  return new PostgresCopies(postgresUrl, schema, name);
}

/**
 * The tables as of one moment (one snapshot), by COPY. The rows of other pipelines in the same schema are left alone where a table tells them
 * apart. A restore is one transaction: it is there as a whole, or not at all.
 */
class PostgresCopies implements OutputCopies {
  readonly #url: string;
  readonly #schema: string;
  readonly #pipeline: string;

  constructor(url: string, schema: string, name: string) {
    this.#url = url;
    this.#schema = schema;
    this.#pipeline = name;
  }

  get place(): string {
    return `schema ${this.#schema} of ${nameOfServers(postgresServers(this.#url))}`;
  }

  identity(): Promise<string | undefined> {
    return this.#transaction('READ COMMITTED', async (client) => {
      if (!(await isThere(client, this.#schema, 'tributary_meta'))) return undefined;
      const select = 'SELECT sink_id FROM tributary_meta WHERE pipeline = $1';
      const { rows } = await client.query<{ sink_id: string }>(select, [this.#pipeline]);
      return rows[0]?.sink_id;
    });
  }

  save(into: BackupFolder, signal: AbortSignal): Promise<CopiedOutput> {
    return this.#transaction('REPEATABLE READ READ ONLY', async (client) => {
      const tables = await tablesThere(client, this.#schema);
      const saved: SavedTable[] = [];
      let rows = 0;
      for (const table of tables) {
        signal.throwIfAborted();
        const described = await describeTable(client, table);
        const stream = client.query(copyTo(await this.#copyOut(client, described)));
        await into.add(fileOf(saved.length), stream);
        if (!described.isShared) rows += stream.rowCount ?? 0;
        saved.push(described);
      }
      await into.add(CATALOG, JSON.stringify(saved, undefined, 2));
      const left = await leftBeside(client, this.#schema, tables);
      return { amount: `${count(rows, 'row')} in ${count(saved.length, 'table')}`, left };
    });
  }

  holds(): Promise<string | undefined> {
    return this.#transaction('READ COMMITTED', async (client) => {
      const tables = (await tablesThere(client, this.#schema)).filter(({ name }) => !isShared(name));
      if (tables.length === 0) return undefined;
      return `schema ${this.#schema} holds ${tables.map(({ name }) => name).join(', ')}`;
    });
  }

  check(): void {}

  restoring(): Promise<string | undefined> {
    return this.#transaction('READ COMMITTED', async (client) => {
      if (!(await isThere(client, this.#schema, RESTORING))) return undefined;
      const { rows } = await client.query<{ backup: string }>(`SELECT backup FROM ${RESTORING} WHERE pipeline = $1`, [
        this.#pipeline,
      ]);
      return rows[0]?.backup;
    });
  }

  setAside(name: string): Promise<string> {
    const aside = `${this.#schema}_replaced_${name}`.replaceAll(/[^A-Za-z0-9_]/g, '_').slice(0, 63);
    const to = escapeIdentifier(aside);
    return this.#transaction('READ COMMITTED', async (client) => {
      await client.query(`CREATE SCHEMA ${to}`);
      for (const { name: table } of await tablesThere(client, this.#schema)) {
        const from = escapeIdentifier(table);
        if (!isShared(table)) await client.query(`ALTER TABLE ${from} SET SCHEMA ${to}`);
        else if (await hasPipeline(client, this.#schema, table)) {
          await client.query(`CREATE TABLE ${to}.${from} AS TABLE ${from} WITH NO DATA`);
          const gone = `WITH gone AS (DELETE FROM ${from} WHERE pipeline = $1 RETURNING *) INSERT INTO ${to}.${from} SELECT * FROM gone`;
          await client.query(gone, [this.#pipeline]);
        }
      }
      return `schema ${aside}`;
    });
  }

  async restore(from: BackupFiles, name: string, signal: AbortSignal): Promise<void> {
    if ((await this.restoring()) === name) return;
    const saved = JSON.parse(await text(from.read(CATALOG))) as readonly SavedTable[];
    await this.#transaction('READ COMMITTED', async (client) => {
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(this.#schema)}`);
      for (const [index, table] of saved.entries()) {
        signal.throwIfAborted();
        await putBack(client, this.#schema, table, from.read(fileOf(index)));
      }
      await client.query(`CREATE TABLE IF NOT EXISTS ${RESTORING} (pipeline text PRIMARY KEY, backup text NOT NULL)`);
      await client.query(`INSERT INTO ${RESTORING} VALUES ($1, $2)`, [this.#pipeline, name]);
    });
  }

  ended(): Promise<void> {
    return this.#transaction('READ COMMITTED', async (client) => {
      if (!(await isThere(client, this.#schema, RESTORING))) return;
      await client.query(`DELETE FROM ${RESTORING} WHERE pipeline = $1`, [this.#pipeline]);
      const { rows } = await client.query(`SELECT FROM ${RESTORING}`);
      if (rows.length === 0) await client.query(`DROP TABLE ${RESTORING}`);
    });
  }

  async #copyOut(client: Client, { name, columns, isShared: shared }: SavedTable): Promise<string> {
    const ours = shared && (await hasPipeline(client, this.#schema, name));
    const where = ours ? ` WHERE pipeline = ${escapeLiteral(this.#pipeline)}` : '';
    return `COPY (SELECT ${namesOf(columns)} FROM ${escapeIdentifier(name)}${where}) TO STDOUT`;
  }

  /** A connection of its own: it is needed rarely, and for long. */
  async #transaction<T>(mode: string, work: (client: Client) => Promise<T>): Promise<T> {
    const make = (connectionString: string) =>
      refuseOddMessages(
        new Client({ connectionString, connectionTimeoutMillis: 5_000, fallback_application_name: 'tributary backup' }),
      );
    const client = await connectToPrimary(postgresServers(this.#url), make);
    try {
      await client.query(`BEGIN ISOLATION LEVEL ${mode}`);
      await client.query(`${SETTINGS}; SET LOCAL search_path = ${escapeIdentifier(this.#schema)}`);
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } finally {
      await client.end().catch(() => {});
    }
  }
}

async function putBack(client: Client, schema: string, table: SavedTable, rows: AsyncIterable<Buffer>): Promise<void> {
  const { name, columns, create, after, isShared: shared } = table;
  const there = await isThere(client, schema, name);
  if (there && !shared)
    throw new FatalError('stack_not_empty', `table ${schema}.${name} is there: another program made it meanwhile`);
  await client.query(create);
  const into = shared ? 'tributary_copied' : name;
  if (shared)
    await client.query(`CREATE TEMPORARY TABLE ${into} ON COMMIT DROP AS TABLE ${escapeIdentifier(name)} WITH NO DATA`);
  const target = shared ? `pg_temp.${into}` : escapeIdentifier(name);
  await pipeline(rows, client.query(copyFrom(`COPY ${target} (${namesOf(columns)}) FROM STDIN`)));
  if (!there) for (const statement of after) await client.query(statement);
  if (!shared) return;
  // The table may hold rows of other pipelines, or have more columns than it had.
  const list = namesOf(columns);
  await client.query(
    `INSERT INTO ${escapeIdentifier(name)} (${list}) SELECT ${list} FROM ${target} ON CONFLICT DO NOTHING`,
  );
  await client.query(`DROP TABLE ${target}`);
}

const namesOf = (columns: readonly string[]): string => columns.map(escapeIdentifier).join(', ');

async function isThere(client: Client, schema: string, table: string): Promise<boolean> {
  const { rows } = await client.query('SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2', [
    schema,
    table,
  ]);
  return rows.length > 0;
}

async function hasPipeline(client: Client, schema: string, table: string): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT FROM pg_catalog.pg_attribute WHERE attrelid = format('%I.%I', $1::text, $2::text)::regclass AND attname = 'pipeline'`,
    [schema, table],
  );
  return rows.length > 0;
}
