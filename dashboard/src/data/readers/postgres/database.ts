import {
  describeError,
  encodedUrl,
  nameOfServers,
  type PostgresServer,
  postgresServers,
  RetryableError,
  refuseStandby,
  refusingOddMessages,
  ServerChoice,
} from '@tributary/shared';
import { Client, Pool, type PoolClient, type QueryConfig } from 'pg';
import { QueryError } from '../port.js';
import type { Cells } from '../query/dialect.js';
import { STATEMENT_TIMEOUT, TooSlowError } from '../query/too-slow.js';
import { cancelStatements } from './cancel.js';

const LOCK_TIMEOUT = 10_000;
const CONNECT_TIMEOUT = 5_000;
/** Milliseconds after which this side gives up. Later than the server itself, so that no statement is left behind there. */
const QUERY_TIMEOUT = 25_000;
/** Milliseconds that a download may wait for its client to take what it was sent. */
const REST_TIMEOUT = 5 * 60_000;
const PING_TIMEOUT = 4_000;
/** More than all searches and downloads that may run at once (see http/loads.ts), so that none of the rest waits for them. */
const CONNECTIONS = 10;

/** A table, a column or a schema is not there (SQLSTATE, Postgres manual, appendix A): nothing was written yet. */
const MISSING = new Set(['42P01', '42703', '3F000']);

/** Asks Postgres. */
export type Queries = Pick<ReadDatabase, 'query'>;

/**
 * Reads from one Postgres, and cannot write: each of its sessions is read-only. Errors never hold the password. Of several servers it
 * asks the primary: what a standby shows may be old.
 */
export class ReadDatabase {
  readonly #servers: readonly PostgresServer[];
  readonly #choice: ServerChoice;
  readonly #pools = new Map<PostgresServer, Pool>();
  /** Connections to a server that was the primary. It stays that as long as they last. */
  readonly #primaries = new WeakSet<PoolClient>();
  readonly #serverOf = new WeakMap<PoolClient, PostgresServer>();
  readonly #where: string;
  #closing: Promise<unknown> | undefined;

  /** @throws FatalError if the URL is not one */
  constructor(url: string) {
    this.#servers = postgresServers(url);
    this.#choice = new ServerChoice(this.#servers);
    this.#where = nameOfServers(this.#servers);
  }

  #poolOf(server: PostgresServer): Pool {
    const known = this.#pools.get(server);
    if (known !== undefined) return known;
    const pool = new Pool({
      Client: refusingOddMessages(Client),
      connectionString: encodedUrl(server.url),
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      query_timeout: QUERY_TIMEOUT,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      application_name: 'tributary dashboard',
      statement_timeout: STATEMENT_TIMEOUT,
      lock_timeout: LOCK_TIMEOUT,
      idle_in_transaction_session_timeout: REST_TIMEOUT,
      // The database may be set to show numbers with fewer digits than they have.
      options: '-c default_transaction_read_only=on -c timezone=UTC -c extra_float_digits=1',
    });
    // A connection that breaks while no query uses it must not end the process: the next query fails instead.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
    this.#pools.set(server, pool);
    return pool;
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#choice.first((server) => this.#connectTo(server));
    } catch (error) {
      throw this.#asOurs(error);
    }
  }

  async #connectTo(server: PostgresServer): Promise<PoolClient> {
    const client = await this.#poolOf(server).connect();
    this.#serverOf.set(client, server);
    if (this.#servers.length === 1 || this.#primaries.has(client)) return client;
    try {
      await refuseStandby(client);
    } catch (error) {
      client.release(true);
      throw error;
    }
    this.#primaries.add(client);
    return client;
  }

  /**
   * The collation under which text is put into small letters: Unicode's where the server has ICU, else the database's own,
   * which with the locale C knows no letters but ASCII's.
   */
  async collation(): Promise<string> {
    const [found] = await this.query("SELECT 1 FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu' LIMIT 1");
    return found === undefined ? '"default"' : '"und-x-icu"';
  }

  /**
   * @param signal ends the statement when it aborts
   * @throws MissingTableError if nothing was written there yet; QueryError for a value that the database cannot read;
   *   RetryableError if the database is away; the signal's reason if it aborts
   */
  async query<Row>(text: string, values: readonly unknown[] = [], signal?: AbortSignal): Promise<Row[]> {
    return await this.#on(signal, (client) => this.#ask<Row>(client, text, values));
  }

  async #ask<Row>(client: PoolClient, text: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return (await client.query(text, [...values])).rows as Row[];
    } catch (error) {
      throw this.#asOurs(error);
    }
  }

  /** Works on a connection, which goes back to the pool if nothing went wrong with it. */
  async #on<T>(signal: AbortSignal | undefined, work: (client: PoolClient) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const client = await this.#connect();
    const over = new AbortController();
    const cancel = () => this.#cancel(client, over.signal);
    signal?.addEventListener('abort', cancel);
    // It may have aborted while a connection was waited for.
    if (signal?.aborted) cancel();
    try {
      const result = await work(client);
      // A cancellation that is on its way must not hit the statement of another.
      client.release(signal?.aborted === true);
      return result;
    } catch (error) {
      client.release(true);
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener('abort', cancel);
      over.abort();
    }
  }

  #cancel(client: PoolClient, over: AbortSignal): void {
    const server = this.#serverOf.get(client);
    if (server !== undefined) void cancelStatements(server, client, over);
  }

  /** @throws RetryableError if the database is away, or has not answered within some seconds */
  async ping(): Promise<void> {
    const client = await this.#connect();
    try {
      // Its types do not name this setting, which counts for one query.
      const ping: QueryConfig & { readonly query_timeout: number } = { text: 'SELECT 1', query_timeout: PING_TIMEOUT };
      await client.query(ping);
      client.release();
    } catch (error) {
      client.release(true);
      const isSilent = /Query read timeout/.test(describeError(error));
      throw this.#asOurs(isSilent ? new Error(`no answer within ${PING_TIMEOUT / 1_000} s`) : error);
    }
  }

  /**
   * All that `work` asks is answered as of one moment, whatever is written meanwhile. What it throws is thrown as it is.
   * @throws as {@link query}
   */
  async snapshot<T>(work: (moment: Queries) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return await this.#on(signal, async (client) => {
      const ask = async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
        signal?.throwIfAborted();
        return await this.#ask<Row>(client, text, values);
      };
      await ask('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const result = await work({ query: ask });
      await ask('COMMIT');
      return result;
    });
  }

  /**
   * Rows of texts as of the moment of the call, some hundred at a time. The connection is given back when the rows end, when the caller
   * stops reading, and when the signal aborts.
   */
  async stream(text: string, values: readonly string[], signal: AbortSignal): Promise<AsyncIterable<Cells[]>> {
    const client = await this.#connect();
    let open = true;
    const release = (broken: boolean) => {
      if (!open) return;
      open = false;
      signal.removeEventListener('abort', abandon);
      client.release(broken);
    };
    const abandon = () => {
      this.#cancel(client, AbortSignal.abort());
      release(true);
    };
    signal.addEventListener('abort', abandon);
    try {
      signal.throwIfAborted();
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await client.query(`DECLARE rows_to_read NO SCROLL CURSOR FOR ${text}`, [...values]);
    } catch (error) {
      release(true);
      throw signal.aborted ? signal.reason : this.#asOurs(error);
    }
    return this.#fetch(client, release);
  }

  async *#fetch(client: PoolClient, release: (broken: boolean) => void): AsyncGenerator<Cells[]> {
    let ended = false;
    try {
      for (;;) {
        const text = `FETCH ${ROWS_PER_FETCH} FROM rows_to_read`;
        const { rows } = await client.query<(string | null)[]>({ text, rowMode: 'array' });
        yield rows;
        if (rows.length < ROWS_PER_FETCH) break;
      }
      await client.query('COMMIT');
      ended = true;
    } catch (error) {
      throw this.#asOurs(error);
    } finally {
      release(!ended);
    }
  }

  async close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#pools.values()].map((pool) => pool.end()));
    await this.#closing;
  }

  #asOurs(error: unknown): RetryableError | QueryError {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const message = `Postgres at ${this.#where}: ${describeError(error)}`;
    if (MISSING.has(code)) return new MissingTableError(message, error);
    // Data exceptions (class 22): not the database is at fault, and its address helps nobody.
    if (code.startsWith('22')) return new QueryError(`a value cannot be compared: ${describeError(error)}`);
    if (code === '57014') return new TooSlowError(STATEMENT_TIMEOUT, ': filter, or make an index', error);
    return new RetryableError(`postgres_${code}`, message, { cause: error });
  }
}

const ROWS_PER_FETCH = 500;

export class MissingTableError extends RetryableError {
  constructor(message: string, cause: unknown) {
    super('postgres_missing', message, { cause });
  }
}
