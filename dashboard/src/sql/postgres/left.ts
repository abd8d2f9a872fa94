import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { describeError, RetryableError, refuseOddMessages } from '@tributary/shared';
import { Client } from 'pg';
import { SqlError } from '../port.js';
import { asSqlError } from './errors.js';

const NAME = 'tributary dashboard sql';
/** Seconds that a statement may have gone on beyond its time before it counts as one that Postgres cannot end. */
const GRACE = 5;
/** Sessions that are left, with which no other query begins. */
const MOST = 2;
/** Milliseconds in which one ends that can, and between two looks. */
const PATIENCE = 2_000;
const LOOK = 200;
const CONNECT_TIMEOUT = 5_000;

/** Names the session of a query, with the time of a statement: so other dashboards, and this one when it starts anew, see which go on for longer. */
export const sessionName = (seconds: number): string =>
  `${NAME} ${Math.ceil(seconds)}s ${randomBytes(6).toString('hex')}`;

const LEFT = `SELECT application_name AS name FROM pg_catalog.pg_stat_activity
  WHERE application_name = ANY($1::text[]) OR (application_name LIKE '${NAME} %' AND state = 'active'
    AND query_start < now() - (substring(application_name FROM ' (\\d{1,6})s ')::integer + ${GRACE}) * interval '1 second')`;

/**
 * The sessions of queries that have ended for their readers, and not for Postgres: it looks for no interrupt while it searches a text for a text,
 * and then neither a limit of time nor a cancel ends it. Each takes a CPU of the server, so no other query begins while two of them are left.
 */
export class LeftSessions {
  /** The URL of the server, by the session's name. */
  readonly #ended = new Map<string, string>();

  /** It has ended here; whether Postgres ended it too is looked at before the next one begins. */
  note(name: string, url: string): void {
    this.#ended.set(name, url);
  }

  /**
   * Resolves when a query may begin.
   * @throws RetryableError while too many are left, and if Postgres cannot be asked; SqlError; the signal's reason
   */
  async room(url: string, signal: AbortSignal): Promise<void> {
    try {
      await withClient(url, (client) => this.#untilRoom(client, url, signal));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RetryableError) throw error;
      const told = asSqlError(error, 0, 0);
      throw told instanceof SqlError ? told : new RetryableError('sql_failed', describeError(told), { cause: error });
    }
  }

  async #untilRoom(client: Client, url: string, signal: AbortSignal): Promise<void> {
    const until = performance.now() + PATIENCE;
    while ((await this.#count(client, url)) >= MOST) {
      if (performance.now() >= until) throw new RetryableError('sql_left', WORDS);
      await setTimeout(LOOK, undefined, { signal });
    }
  }

  async #count(client: Client, url: string): Promise<number> {
    const ended = [...this.#ended].filter(([, server]) => server === url).map(([name]) => name);
    const { rows } = await client.query<{ name: string }>(LEFT, [ended]);
    const left = new Set(rows.map(({ name }) => name));
    for (const name of ended) if (!left.has(name)) this.#ended.delete(name);
    return left.size;
  }
}

/** A connection for a look, which ends with it. */
export async function withClient<T>(url: string, look: (client: Client) => Promise<T>): Promise<T> {
  const client = refuseOddMessages(
    new Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      query_timeout: CONNECT_TIMEOUT,
      application_name: 'tributary dashboard looks',
    }),
  );
  client.on('error', () => {});
  try {
    await client.connect();
    return await look(client);
  } finally {
    await client.end().catch(() => {});
  }
}

const WORDS = `${MOST} earlier queries still work in Postgres, which cannot end them: no other begins until one has ended. Whoever runs that Postgres finds them in pg_stat_activity as "${NAME} …"`;
