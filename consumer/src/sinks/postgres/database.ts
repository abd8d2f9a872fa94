import { describeError, encodedUrl, FatalError, RetryableError, redactUrl } from '@tributary/shared';
import { Pool, type PoolClient } from 'pg';

/** Milliseconds. A server that does not answer for so long is taken as gone, and what was under way is repeated. */
const CONNECT_TIMEOUT = 5_000;
const QUERY_TIMEOUT = 30_000;

/** Lanes flush, and land pages of merged rows, at the same time; the other connections are for calls between sessions. */
const CONNECTIONS = 8;

/** What a person can do, by SQLSTATE (Postgres manual, appendix A). Everything is tried again in any case. */
const REMEDIES: Readonly<Record<string, string>> = {
  '3D000': 'create that database, or name another in POSTGRES_URL',
  '25006': 'it is read-only, perhaps a standby: name the primary in POSTGRES_URL',
  '28000': 'check user and password in POSTGRES_URL, and pg_hba.conf',
  '28P01': 'check user and password in POSTGRES_URL',
  '42501': 'grant its user what it lacks',
  '53100': 'its disk is full: free some space',
  '53300': 'raise its max_connections, or run fewer consumers',
};

/** SQLSTATEs of a table, a column or a schema that is missing. */
const MISSING = new Set(['42P01', '42703', '3F000']);

export interface DatabaseOptions {
  readonly url: string;
  /** Milliseconds after which the server ends the transaction of a client that hangs, whose locks others wait for. */
  readonly hangTimeout: number;
  /** Called when a table that was there is gone. */
  readonly onMissing: () => void;
}

/** A pool of connections to one Postgres database, and the transactions on them. Its errors never hold the password. */
export class Database {
  readonly #options: DatabaseOptions;
  readonly #pool: Pool;
  readonly #where: string;

  /** @throws FatalError if the URL is not one of Postgres */
  constructor(options: DatabaseOptions) {
    this.#options = options;
    const { url } = options;
    if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
      throw new FatalError(
        'postgres_url_invalid',
        'POSTGRES_URL is not a URL such as postgres://user:password@host:5432/database',
      );
    }
    this.#where = redactUrl(url);
    this.#pool = new Pool({
      connectionString: encodedUrl(url),
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      query_timeout: QUERY_TIMEOUT,
      keepAlive: true,
      fallback_application_name: 'tributary',
    });
    // A connection that breaks while it is idle must not end the process; the next query will fail and tell.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** Runs the work in one transaction, and commits it. If the answer to the COMMIT is lost, it fails although it may have succeeded. */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const transaction = await this.begin('READ COMMITTED READ WRITE', this.#options.hangTimeout);
    try {
      const result = await work(transaction);
      await transaction.end('COMMIT');
      return result;
    } finally {
      await transaction.abandon();
    }
  }

  /**
   * Begins a transaction that the caller ends or abandons.
   * @param hangTimeout milliseconds that it may lie idle
   */
  async begin(mode: string, hangTimeout: number): Promise<Transaction> {
    const client = await this.#pool.connect().catch((error: unknown) => this.#fail(error));
    const transaction = new Transaction(client, (error) => this.#fail(error));
    // A COMMIT that succeeds before it is on disk is not durable: see synchronous_commit.
    await transaction.query(
      `BEGIN ISOLATION LEVEL ${mode}; SET LOCAL idle_in_transaction_session_timeout = ${hangTimeout};
       SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`,
    );
    return transaction;
  }

  close(): Promise<void> {
    return this.#pool.ended || this.#pool.ending ? Promise.resolve() : this.#pool.end();
  }

  #fail(error: unknown): never {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (MISSING.has(code)) this.#options.onMissing();
    const remedy = REMEDIES[code] === undefined ? '' : ` (${REMEDIES[code]})`;
    const message = `Postgres at ${this.#where}: ${describeError(error)}${remedy}`;
    throw new RetryableError(`postgres_${code}`, message, { cause: error });
  }
}

/** One transaction on a connection of its own. */
export class Transaction {
  readonly #client: PoolClient;
  readonly #fail: (error: unknown) => never;
  #open = true;

  constructor(client: PoolClient, fail: (error: unknown) => never) {
    this.#client = client;
    this.#fail = fail;
  }

  async query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    try {
      const result = await (values === undefined ? this.#client.query(text) : this.#client.query(text, [...values]));
      // Several statements in one text give several results, which no caller needs.
      return Array.isArray(result) ? [] : (result.rows as Row[]);
    } catch (error) {
      // It is not known what the server does with the rest: the end of the connection makes it roll back.
      this.#release(true);
      return this.#fail(error);
    }
  }

  async end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    await this.query(how);
    this.#release(false);
  }

  /** Rolls back, unless the transaction has ended. */
  async abandon(): Promise<void> {
    if (this.#open) await this.end('ROLLBACK').catch(() => {});
  }

  #release(broken: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    this.#client.release(broken);
  }
}
