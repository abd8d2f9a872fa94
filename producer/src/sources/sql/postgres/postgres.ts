import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { RetryableError, redactUrl, refuseOddMessages } from '@tributary/shared';
import { Client } from 'pg';
import { MOST_BYTES, withinBytes } from '../answer-bound.js';
import { type Connections, withConnection } from '../connections.js';
import type { Database, DatabaseOptions, Dialect, Rows, Statement, TableDescription, Value } from '../database.js';
import { GRACE, MAY_WRITE_YET, partsOf } from '../database.js';
import { ConnectionPool } from '../pool.js';
import { faultOf } from './errors.js';
import { DESCRIBE, describeTable, type TableRow } from './tables.js';
import { columnOf, type PostgresType, TYPES_BY_NUMBER } from './types.js';

/**
 * What every session begins with. It reads only, and writes values in forms that hold all of them: times in UTC, all digits of a double.
 */
const SESSION = `SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET TimeZone = 'UTC'; SET DateStyle = 'ISO';
SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 1; SET bytea_output = 'hex'`;

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const APPLICATION = 'tributary producer';

/** Prepared transactions are none of a session any more. */
const OPEN_TRANSACTIONS = `
SELECT floor(extract(epoch FROM min(a.xact_start)) * 1000)::bigint,
  count(*) FILTER (WHERE a.xact_start IS NULL),
  (SELECT floor(extract(epoch FROM min(prepared)) * 1000)::bigint FROM pg_catalog.pg_prepared_xacts
    WHERE database = current_database())
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
  AND a.application_name IS DISTINCT FROM '${APPLICATION}' AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
  AND (a.backend_xid IS NOT NULL OR a.xact_start > clock_timestamp() - interval '${MAY_WRITE_YET} s')`;

export const DIALECT: Dialect = {
  quote,
  placeholder: (index) => `$${index}`,
  bytewise: (expression) => `(${expression})::text COLLATE "C"`,
  comparesLists: true,
  limited: (select, rows) => `${select} LIMIT ${rows}`,
  clock: 'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint',
  replica: [{ text: 'SELECT pg_is_in_recovery()::int', words: 'a standby (pg_is_in_recovery)' }],
  openTransactions: {
    text: OPEN_TRANSACTIONS,
    read: ([began, hidden, prepared]) => ({
      began: timeOf(began),
      hidden: Number(hidden),
      prepared: timeOf(prepared),
    }),
  },
};

const timeOf = (value: Value | undefined): number | undefined =>
  value === undefined || value === null ? undefined : Number(value);

/** Every value comes as the text that Postgres writes. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** A Postgres, read by several endpoints over one pool of connections. */
export class PostgresDatabase implements Database {
  readonly dialect = DIALECT;
  readonly host: string;
  readonly name: string;
  readonly #timeout: number;
  readonly #mostBytes: number;
  readonly #pool: ConnectionPool<Client>;
  /** By their numbers. */
  readonly #types = new Map<number, PostgresType>();
  readonly #cancelled = new AbortController();
  readonly #connections: Connections<Client> = {
    open: () => this.#pool.take(),
    cancel: (client) => this.#cancel(client),
    release: (client, isBroken) => this.#pool.give(client, isBroken),
    faultOf: (error) => faultOf(error, this.#timeout),
  };
  #closed: Promise<void> | undefined;

  constructor({ url, timeout, connectTimeout, room, grace = GRACE, mostBytes = MOST_BYTES }: DatabaseOptions) {
    this.host = new URL(url).host;
    this.name = redactUrl(url);
    this.#timeout = timeout;
    this.#mostBytes = mostBytes;
    const connect = async (onLost: (client: Client) => void) => {
      const made = new Client({
        connectionString: url,
        connectionTimeoutMillis: connectTimeout,
        query_timeout: timeout + grace,
        application_name: APPLICATION,
        keepAlive: true,
      });
      const client = refuseOddMessages(made);
      // One that breaks while it is idle is replaced by the next statement, which tells if that fails.
      client.on('error', () => {});
      client.on('end', () => onLost(client));
      try {
        await client.connect();
        await client.query(`${SESSION}; SET statement_timeout = ${timeout}`);
        return client;
      } catch (error) {
        client.end().catch(() => {});
        throw error;
      }
    };
    this.#pool = new ConnectionPool({ connect, end: (client) => client.end() }, room);
    setMaxListeners(0, this.#cancelled.signal);
  }

  async query({ text, values }: Statement, signal: AbortSignal): Promise<Rows> {
    return await this.#use(signal, async (client) => {
      const config = { text, values: values.map(({ value }) => value), rowMode: 'array' as const, types: AS_TEXT };
      const { fields, rows } = await client.query<(string | null)[]>(config);
      const types = await this.#typesOf(client, fields);
      return { columns: fields.map(({ name }, index) => columnOf(name, types[index] ?? UNKNOWN)), rows };
    });
  }

  async table(name: string, signal: AbortSignal): Promise<TableDescription | undefined> {
    const [first] = await this.#describe('c.oid = to_regclass($1)', [partsOf(name).map(quote).join('.')], signal);
    return first;
  }

  async tables(signal: AbortSignal): Promise<readonly TableDescription[]> {
    return await this.#describe("n.nspname NOT IN ('pg_catalog', 'information_schema')", [], signal);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#cancelled.abort(new RetryableError('stopping', 'the connections are being closed'));
    await this.#pool.close();
  }

  async #describe(condition: string, values: readonly string[], signal: AbortSignal): Promise<TableDescription[]> {
    return await this.#use(signal, async (client) => {
      const { rows } = await client.query<TableRow>(`${DESCRIBE} AND ${condition} ORDER BY 1, 2`, [...values]);
      return rows.map(describeTable);
    });
  }

  #use<T>(signal: AbortSignal, work: (client: Client) => Promise<T>): Promise<T> {
    return withConnection(this.#connections, [signal, this.#cancelled.signal], (client) =>
      withinBytes(streamOf(client), this.#mostBytes, () => work(client)),
    );
  }

  /** Ends the statement of a connection at once: its socket is closed, and the server would go on until the time-out. */
  #cancel(client: Client): void {
    const { processID } = client as Client & { readonly processID?: number };
    if (processID !== undefined) void this.#cancelProcess(processID).catch(() => {});
    client.end().catch(() => {});
  }

  async #cancelProcess(id: number): Promise<void> {
    const other = await this.#pool.take();
    let isBroken = true;
    try {
      await other.query('SELECT pg_cancel_backend($1)', [id]);
      isBroken = false;
    } finally {
      this.#pool.give(other, isBroken);
    }
  }

  async #typesOf(client: Client, fields: readonly { readonly dataTypeID: number }[]): Promise<PostgresType[]> {
    const unknown = [...new Set(fields.map(({ dataTypeID }) => dataTypeID))].filter((oid) => !this.#types.has(oid));
    if (unknown.length > 0) {
      const config = { text: TYPES_BY_NUMBER, values: [unknown], rowMode: 'array' as const, types: AS_TEXT };
      const { rows } = await client.query<(string | null)[]>(config);
      for (const [oid, name, category, element] of rows) {
        this.#types.set(Number(oid), { name: name ?? '', category: category ?? '', element: element ?? undefined });
      }
    }
    return fields.map(({ dataTypeID }) => this.#types.get(dataTypeID) ?? UNKNOWN);
  }
}

/** The driver has it, and its types do not. */
const streamOf = (client: Client) =>
  (client as Client & { readonly connection: { readonly stream: Socket } }).connection.stream;

const UNKNOWN: PostgresType = { name: 'unknown', category: 'X', element: undefined };
