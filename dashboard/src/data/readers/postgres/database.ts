import { describeError, encodedUrl, FatalError, RetryableError, redactUrl } from '@tributary/shared';
import { Pool, type PoolClient } from 'pg';

/** Milliseconds. A page that takes longer than this is of no use, and its statement keeps the database from other work. */
const STATEMENT_TIMEOUT = 20_000;
const CONNECT_TIMEOUT = 5_000;
/** Milliseconds that a download may wait for its client to take what it was sent. */
const REST_TIMEOUT = 5 * 60_000;
const CONNECTIONS = 6;

/** A table, a column or a schema is not there (SQLSTATE, Postgres manual, appendix A): nothing was written yet. */
const MISSING = new Set(['42P01', '42703', '3F000']);

/** Reads from one Postgres, and cannot write: each of its sessions is read-only. Errors never hold the password. */
export class ReadDatabase {
  readonly #pool: Pool;
  readonly #where: string;

  /** @throws FatalError if the URL is not one */
  constructor(url: string) {
    if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
      const example = 'postgres://user:password@host:5432/database';
      throw new FatalError('postgres_url_invalid', `POSTGRES_URL is not a URL such as ${example}`);
    }
    this.#where = redactUrl(url);
    this.#pool = new Pool({
      connectionString: encodedUrl(url),
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      keepAlive: true,
      application_name: 'tributary dashboard',
      statement_timeout: STATEMENT_TIMEOUT,
      idle_in_transaction_session_timeout: REST_TIMEOUT,
      options: '-c default_transaction_read_only=on -c timezone=UTC',
    });
    // A connection that breaks while no query uses it must not end the process: the next query fails instead.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /**
   * The collation under which text is put into small letters: Unicode's where the server has ICU, else the database's own,
   * which with the locale C knows no letters but ASCII's.
   */
  async collation(): Promise<string> {
    const [found] = await this.query("SELECT 1 FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu' LIMIT 1");
    return found === undefined ? '"default"' : '"und-x-icu"';
  }

  /** @throws MissingTableError if nothing was written there yet; RetryableError if the database is away */
  async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return (await this.#pool.query(text, [...values])).rows as Row[];
    } catch (error) {
      throw this.#asOurs(error);
    }
  }

  /**
   * Rows as of the moment of the call, some hundred at a time. The connection is given back when the rows end, when the caller
   * stops reading, and when the signal aborts.
   */
  async stream<Row>(text: string, values: readonly unknown[], signal: AbortSignal): Promise<AsyncIterable<Row[]>> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw this.#asOurs(error);
    });
    let open = true;
    const release = (broken: boolean) => {
      if (!open) return;
      open = false;
      signal.removeEventListener('abort', abandon);
      client.release(broken);
    };
    const abandon = () => release(true);
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await client.query(`DECLARE rows_to_read NO SCROLL CURSOR FOR ${text}`, [...values]);
      signal.addEventListener('abort', abandon);
      if (signal.aborted) abandon();
    } catch (error) {
      release(true);
      throw this.#asOurs(error);
    }
    return this.#fetch<Row>(client, release);
  }

  async *#fetch<Row>(client: PoolClient, release: (broken: boolean) => void): AsyncGenerator<Row[]> {
    let ended = false;
    try {
      for (;;) {
        const { rows } = await client.query(`FETCH ${ROWS_PER_FETCH} FROM rows_to_read`);
        yield rows as Row[];
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
    if (!this.#pool.ended && !this.#pool.ending) await this.#pool.end();
  }

  #asOurs(error: unknown): RetryableError {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const message = `Postgres at ${this.#where}: ${describeError(error)}`;
    if (MISSING.has(code)) return new MissingTableError(message, error);
    if (code === '57014') {
      const slow = `it took longer than ${STATEMENT_TIMEOUT / 1_000} s: filter, or make an index`;
      return new RetryableError('too_slow', slow, { cause: error });
    }
    return new RetryableError(`postgres_${code}`, message, { cause: error });
  }
}

const ROWS_PER_FETCH = 500;

export class MissingTableError extends RetryableError {
  constructor(message: string, cause: unknown) {
    super('postgres_missing', message, { cause });
  }
}
