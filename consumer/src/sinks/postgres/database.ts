import { describeError, FatalError, RetryableError, redactUrl } from '@tributary/shared';
import { Pool, type PoolClient } from 'pg';

/** Milliseconds. A server that says nothing for so long is taken as gone; whatever was under way is repeated. */
const CONNECT_TIMEOUT = 5_000;
const QUERY_TIMEOUT = 30_000;

/** Each lane flushes, and lands pages of merged rows, at the same time; the rest is for the calls between sessions. */
const CONNECTIONS = 8;

/** What a person can do, by SQLSTATE (Postgres manual, appendix A). Everything is tried again whether they do or not. */
const REMEDIES: Readonly<Record<string, string>> = {
  '3D000': 'create that database, or name another in POSTGRES_URL',
  '25006': 'it is read-only, perhaps a standby: name the primary in POSTGRES_URL',
  '28000': 'check user and password in POSTGRES_URL, and pg_hba.conf',
  '28P01': 'check user and password in POSTGRES_URL',
  '42501': 'grant its user what it lacks',
  '53100': 'its disk is full: free some space',
  '53300': 'raise its max_connections, or run fewer consumers',
};

/** A table, a column or a schema that was there is no more. */
const MISSING = new Set(['42P01', '42703', '3F000']);

export interface DatabaseOptions {
  readonly url: string;
  /** Milliseconds after which the server ends the transaction of a client that hangs: it holds locks that others wait for. */
  readonly hangTimeout: number;
  /** Told when a table that was there is gone. */
  readonly onMissing: () => void;
}

/** A pool of connections to one Postgres, and the transactions on them. Its errors never hold the password. */
export class Database {
  readonly #pool: Pool;
  readonly #where: string;

  /** @throws FatalError if the URL is none */
  constructor(private readonly options: DatabaseOptions) {
    const { url } = options;
    if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
      throw new FatalError(
        'postgres_url_invalid',
        'POSTGRES_URL is not a URL such as postgres://user:password@host:5432/database',
      );
    }
    this.#where = redactUrl(url);
    this.#pool = new Pool({
      connectionString: url,
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      query_timeout: QUERY_TIMEOUT,
      keepAlive: true,
      fallback_application_name: 'tributary',
    });
    // A connection that breaks while nobody asks anything of it must not end the process; the next query will tell.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** Runs the work in one transaction, and commits it. If the answer to the COMMIT is lost, it fails although it may be done. */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const transaction = await this.begin('READ COMMITTED READ WRITE', this.options.hangTimeout);
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
    // A COMMIT that is told before it is on disk would be no better than none: see synchronous_commit.
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
    if (MISSING.has(code)) this.options.onMissing();
    const remedy = REMEDIES[code] === undefined ? '' : ` (${REMEDIES[code]})`;
    const message = `Postgres at ${this.#where}: ${describeError(error)}${remedy}`;
    throw new RetryableError(`postgres_${code}`, message, { cause: error });
  }
}

/** One transaction on a connection of its own. */
export class Transaction {
  #open = true;

  constructor(
    private readonly client: PoolClient,
    private readonly fail: (error: unknown) => never,
  ) {}

  async query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    try {
      const result = await (values === undefined ? this.client.query(text) : this.client.query(text, [...values]));
      // Several statements in one text give several results, which nobody asks for.
      return Array.isArray(result) ? [] : (result.rows as Row[]);
    } catch (error) {
      // What the server makes of the rest nobody knows: it is told by the connection's end to roll back.
      this.#release(true);
      return this.fail(error);
    }
  }

  async end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    await this.query(how);
    this.#release(false);
  }

  /** Rolls back, unless it has ended. */
  async abandon(): Promise<void> {
    if (this.#open) await this.end('ROLLBACK').catch(() => {});
  }

  #release(broken: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    this.client.release(broken);
  }
}
