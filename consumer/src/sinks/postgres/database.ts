import {
  describeError,
  encodedUrl,
  interruptible,
  nameOfServers,
  type PostgresServer,
  postgresServers,
  RetryableError,
  refusingOddMessages,
  ServerChoice,
  StandbyError,
} from '@tributary/shared';
import { Client, Pool } from 'pg';
import { remedyFor } from './remedies.js';
import { Transaction } from './transaction.js';

/** Milliseconds. A server that does not answer for so long is taken as gone, and what was under way is repeated. */
const CONNECT_TIMEOUT = 5_000;
const QUERY_TIMEOUT = 30_000;

/**
 * Milliseconds after which the server itself ends a statement. Less than the time after which this side gives up: a server
 * whose client has gone works on, and each repetition would take one more connection, until others get none.
 */
const STATEMENT_TIMEOUT = 25_000;

/** Milliseconds that a statement waits for a lock. Longer than a transaction that hangs may hold one (see hangTimeout). */
const LOCK_TIMEOUT = 20_000;

/** Milliseconds to wait before the next attempt to end a process of the server that did not answer. */
const TERMINATION_TIMEOUT = 2_000;

/** The most connections to a server. Lanes flush, and land pages of merged rows, at the same time; others are for calls between sessions. */
const CONNECTIONS = 8;

/** How often a transaction is run that the server rolled back in favour of another one. */
const ATTEMPTS = 4;

/** SQLSTATEs of such a rollback. */
const ROLLED_BACK: ReadonlySet<string> = new Set(['postgres_40001', 'postgres_40P01']);

/** What a server in recovery says to READ WRITE: read-only, or not supported. */
const REFUSED_BY_STANDBY: ReadonlySet<string> = new Set(['postgres_25006', 'postgres_0A000']);

/** SQLSTATEs of a table, a column or a schema that is missing. */
const MISSING = new Set(['42P01', '42703', '3F000']);

export interface DatabaseOptions {
  /** May name several servers, of which one is the primary. */
  readonly url: string;
  /** Milliseconds after which the server ends the transaction of a client that hangs, whose locks others wait for. */
  readonly hangTimeout: number;
  /** Called when a table that was there is gone. */
  readonly onMissing: () => void;
}

export interface TransactionSettings {
  /** Milliseconds that it may lie idle. */
  readonly hangTimeout?: number;
  /** Milliseconds that each statement waits for a lock. */
  readonly lockTimeout?: number;
}

/** Pools of connections to the servers of one Postgres database, and the transactions on its primary. Its errors never hold the password. */
export class Database {
  readonly #options: DatabaseOptions;
  readonly #servers: readonly PostgresServer[];
  readonly #choice: ServerChoice;
  readonly #pools = new Map<PostgresServer, Pool>();
  readonly #where: string;
  #closing: Promise<unknown> | undefined;

  /** @throws FatalError if the URL is not one of Postgres */
  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#servers = postgresServers(options.url);
    this.#choice = new ServerChoice(this.#servers);
    this.#where = nameOfServers(this.#servers);
  }

  /**
   * Runs the work in one transaction, and commits it. If the answer to the COMMIT is lost, it fails although it may have succeeded.
   * The work is run again if the server rolled it back in favour of another transaction.
   */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>, settings?: TransactionSettings): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#transaction(work, settings);
      } catch (error) {
        const again = error instanceof RetryableError && ROLLED_BACK.has(error.code) && attempt < ATTEMPTS;
        if (!again) throw error;
      }
    }
  }

  async #transaction<T>(work: (transaction: Transaction) => Promise<T>, settings?: TransactionSettings): Promise<T> {
    const transaction = await this.begin('READ COMMITTED READ WRITE', settings);
    try {
      const result = await work(transaction);
      await transaction.end('COMMIT');
      return result;
    } finally {
      await transaction.abandon();
    }
  }

  /** Begins a transaction that the caller ends or abandons, on the primary: what a standby shows may be old. */
  async begin(mode: string, settings: TransactionSettings = {}): Promise<Transaction> {
    const { hangTimeout = this.#options.hangTimeout, lockTimeout = LOCK_TIMEOUT } = settings;
    // SET LOCAL, because a pooler between here and the server may refuse settings of a connection. And a COMMIT that succeeds
    // before it is on disk is not durable: see synchronous_commit. A database or a role may have other settings than those of a new
    // server: numbers would be read with fewer digits than they have, and a field without a value be written as the text NULL.
    const statement = `BEGIN ISOLATION LEVEL ${mode}; SET LOCAL idle_in_transaction_session_timeout = ${hangTimeout};
      SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT}; SET LOCAL lock_timeout = ${lockTimeout};
      SET LOCAL extra_float_digits = 1; SET LOCAL array_nulls = on;
      SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`;
    try {
      return await this.#choice.first((server) => this.#beginOn(server, statement));
    } catch (error) {
      throw this.#asOurs(error);
    }
  }

  async #beginOn(server: PostgresServer, statement: string): Promise<Transaction> {
    const pool = this.#poolOf(server);
    const client = await pool.connect().catch((cause: unknown) => {
      if (pool.totalCount < CONNECTIONS) throw cause;
      throw new Error(
        `all ${CONNECTIONS} connections of this consumer are busy: its statements get no answer, or wait for locks`,
      );
    });
    const transaction = new Transaction({
      client,
      asOurs: (error) => this.#asOurs(error),
      onSilence: (process) => endProcess(pool, process),
    });
    try {
      if (await transaction.begin(statement)) return transaction;
      throw new StandbyError();
    } catch (error) {
      await transaction.abandon();
      if (!(error instanceof RetryableError)) throw error;
      // Said once more by the caller, for all servers together.
      throw REFUSED_BY_STANDBY.has(error.code) ? new StandbyError() : error.cause;
    }
  }

  async close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#pools.values()].map((pool) => pool.end()));
    await this.#closing;
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
      fallback_application_name: 'tributary consumer',
    });
    // A connection that breaks while it is idle must not end the process; the next query will fail and tell.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
    this.#pools.set(server, pool);
    return pool;
  }

  #asOurs(error: unknown): Error {
    if (error instanceof RetryableError) return error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (MISSING.has(code)) this.#options.onMissing();
    const message = `Postgres at ${this.#where}: ${describeError(error)}${remedyFor(code)}`;
    return new RetryableError(`postgres_${code}`, message, { cause: error });
  }
}

/**
 * Ends the server's process of a connection that was given up because a statement got no answer. It would hold its locks, and a place
 * among the server's connections, for as long as the statement takes. A server that is away has no such process.
 */
async function endProcess(pool: Pool, process: number | undefined): Promise<void> {
  if (process === undefined || pool.ending) return;
  const ended = pool.query('SELECT pg_catalog.pg_terminate_backend($1)', [process]);
  await interruptible(ended, AbortSignal.timeout(TERMINATION_TIMEOUT)).catch(() => {});
}
