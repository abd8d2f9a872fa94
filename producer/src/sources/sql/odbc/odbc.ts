import { RetryableError, redactUrl } from '@tributary/shared';
import { type Connections, withConnection } from '../connections.js';
import type { Database, DatabaseOptions, Rows, Statement, TableDescription } from '../database.js';
import { GRACE, likelyVersions, partsOf } from '../database.js';
import { driverOf } from '../optional.js';
import { ConnectionPool } from '../pool.js';
import { faultOf } from './errors.js';
import { asValue, columnOf, type OdbcColumn, sortingOf } from './types.js';
import { type OdbcTarget, readOdbcUrl } from './url.js';

type Row = Readonly<Record<string, unknown>>;

/** What is used of the package `odbc`. */
export interface OdbcDriver {
  connect(options: {
    connectionString: string;
    connectionTimeout: number;
    loginTimeout: number;
  }): Promise<OdbcConnection>;
}

export interface OdbcConnection {
  query(
    text: string,
    values: readonly unknown[],
    options: { readonly timeout: number },
  ): Promise<readonly Row[] & { readonly columns?: readonly OdbcColumn[] }>;
  query(text: string): Promise<unknown>;
  tables(catalog: null, schema: string | null, table: string | null, type: string | null): Promise<readonly Row[]>;
  columns(catalog: null, schema: string | null, table: string | null, column: null): Promise<readonly Row[]>;
  primaryKeys(catalog: null, schema: string | null, table: string): Promise<readonly Row[]>;
  close(): Promise<void>;
}

const KINDS: ReadonlySet<string> = new Set(['TABLE', 'BASE TABLE', 'VIEW']);

/** A database behind ODBC. The driver works in threads of its own, and cannot break a statement off: what is not wanted any more is left to its time-out. */
export class OdbcDatabase implements Database {
  readonly host: string;
  readonly name: string;
  readonly #target: OdbcTarget;
  readonly #driver: () => OdbcDriver;
  readonly #timeout: number;
  readonly #patience: number;
  readonly #connectTimeout: number;
  readonly #pool: ConnectionPool<OdbcConnection>;
  readonly #cancelled = new AbortController();
  readonly #connections: Connections<OdbcConnection> = {
    open: () => this.#pool.take(),
    cancel() {},
    release: (connection, isBroken) => this.#pool.give(connection, isBroken),
    faultOf: (error) => (error instanceof RetryableError || isTold(error) ? error : faultOf(error, this.#timeout)),
  };

  /** @param driver for tests */
  constructor(
    { url, timeout, connectTimeout, room, grace = GRACE }: DatabaseOptions,
    driver = () => driverOf('ODBC', 'odbc', ' (it compiles: Debian needs unixodbc-dev, make and g++)') as OdbcDriver,
  ) {
    this.#driver = driver;
    this.host = new URL(url).host;
    this.name = redactUrl(url);
    this.#target = readOdbcUrl(url);
    this.#timeout = timeout;
    this.#patience = timeout + grace;
    this.#connectTimeout = connectTimeout;
    this.#pool = new ConnectionPool({ connect: () => this.#connect(), end: (connection) => connection.close() }, room);
  }

  get dialect() {
    return this.#target.dialect;
  }

  async query({ text, values }: Statement, signal: AbortSignal): Promise<Rows> {
    return await this.#use(signal, async (connection) => {
      const given = values.map(({ value }) => (typeof value === 'bigint' ? String(value) : value));
      const answer = await connection.query(text, given, { timeout: Math.ceil(this.#timeout / 1_000) });
      const columns = answer.columns ?? [];
      return {
        columns: columns.map(columnOf),
        rows: answer.map((row) => columns.map(({ name }) => asValue(row[name]))),
      };
    });
  }

  async table(name: string, signal: AbortSignal): Promise<TableDescription | undefined> {
    const parts = partsOf(name);
    const [table = '', schema] = parts.toReversed();
    return await this.#use(signal, async (connection) => (await describe(connection, schema ?? null, table))[0]);
  }

  async tables(signal: AbortSignal): Promise<readonly TableDescription[]> {
    return await this.#use(signal, async (connection) => {
      const found = await connection.tables(null, null, null, null);
      const ours = found.filter((row) => KINDS.has(String(row.TABLE_TYPE).toUpperCase()));
      const described: TableDescription[] = [];
      for (const { TABLE_SCHEM: schema, TABLE_NAME: table } of ours) {
        const name = typeof schema === 'string' && schema !== '' ? schema : null;
        described.push(...(await describe(connection, name, String(table))));
      }
      return described;
    });
  }

  async close(): Promise<void> {
    this.#cancelled.abort(new RetryableError('stopping', 'the connections are being closed'));
    await this.#pool.close();
  }

  async #use<T>(signal: AbortSignal, work: (connection: OdbcConnection) => Promise<T>): Promise<T> {
    // The driver's own time-out is for the server; a way that is gone answers never.
    const late = AbortSignal.timeout(this.#patience);
    const signals = [signal, this.#cancelled.signal, late];
    return await withConnection(this.#connections, signals, work).catch((error: unknown) => {
      if (late.aborted && error === late.reason)
        throw new RetryableError('network', `no answer in ${this.#patience} ms`);
      throw error;
    });
  }

  async #connect(): Promise<OdbcConnection> {
    const driver = this.#driver();
    const seconds = Math.max(1, Math.ceil(this.#connectTimeout / 1_000));
    const { connectionString, dialect } = this.#target;
    const connection = await driver.connect({ connectionString, connectionTimeout: seconds, loginTimeout: seconds });
    for (const text of dialect.session) await connection.query(text);
    return connection;
  }
}

/** A fault that says already what a person has to do. */
const isTold = (error: unknown): error is Error => error instanceof Error && error.name === 'FatalError';

async function describe(connection: OdbcConnection, schema: string | null, table: string): Promise<TableDescription[]> {
  const rows = await connection.columns(null, schema, table, null);
  if (rows.length === 0) return [];
  const keys = await connection.primaryKeys(null, schema, table);
  const columns = rows.map((row) => ({
    name: String(row.COLUMN_NAME),
    type: String(row.TYPE_NAME).toLowerCase(),
    nullable: Number(row.NULLABLE) !== 0,
    sorting: sortingOf(Number(row.DATA_TYPE)),
  }));
  return [
    {
      name: schema === null ? table : `${schema}.${table}`,
      columns: columns.map(({ name, type, nullable }) => ({ name, type, nullable })),
      key: keys.toSorted((a, b) => Number(a.KEY_SEQ) - Number(b.KEY_SEQ)).map((row) => String(row.COLUMN_NAME)),
      versions: likelyVersions(columns),
    },
  ];
}
