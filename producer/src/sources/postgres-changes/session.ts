import { setTimeout as sleep } from 'node:timers/promises';
import { refuseOddMessages } from '@tributary/shared';
import { Client, type ClientConfig } from 'pg';

/** What a connection is made with. */
export interface SessionOptions {
  readonly url: string;
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** How long a statement may take, in milliseconds. */
  readonly timeout: number;
  /** For the commands of replication. */
  readonly isReplication?: boolean;
}

/**
 * What every session begins with, so that a copy and the stream write a value in the same text, and one that holds all of it: times in UTC, all
 * digits of a double.
 */
const SETTINGS = [
  `TimeZone = 'UTC'`,
  `DateStyle = 'ISO'`,
  `IntervalStyle = 'iso_8601'`,
  'extra_float_digits = 1',
  `bytea_output = 'hex'`,
  // What a person has set for the role must not end the stream, or the copy between two chunks.
  'idle_in_transaction_session_timeout = 0',
  // Rows that a policy hides would count as deleted: Postgres refuses to read the table instead. Changes are told of all rows.
  'row_security = off',
];

/** Milliseconds after which the server ends a stream whose producer is gone without a word; its slot is free then. */
const SENDER_TIMEOUT = 10_000;

/** Milliseconds in which a connection is closed in good order. */
const CLOSING = 1_000;

/** Every value comes as the text that Postgres writes. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

export type TextRow = readonly (string | null)[];

/** A connection to Postgres of its own. */
export class Session {
  readonly #client: Client;
  #broken: Error | undefined;

  private constructor(client: Client) {
    this.#client = client;
    client.on('error', (error) => {
      this.#broken ??= error;
    });
  }

  /** @throws what the driver throws */
  static async open({ url, connectTimeout, timeout, isReplication = false }: SessionOptions): Promise<Session> {
    const config: ClientConfig & { readonly replication?: string } = {
      connectionString: url,
      connectionTimeoutMillis: connectTimeout,
      application_name: 'tributary producer',
      keepAlive: true,
      ...(isReplication ? { replication: 'database' } : {}),
    };
    const client = refuseOddMessages(new Client(config));
    const session = new Session(client);
    try {
      await client.connect();
      // The time-outs are for single statements: a stream is one that never ends.
      const more = isReplication
        ? [`wal_sender_timeout = ${SENDER_TIMEOUT}`, 'statement_timeout = 0']
        : [`statement_timeout = ${timeout}`];
      await client.query([...SETTINGS, ...more].map((setting) => `SET ${setting}`).join('; '));
    } catch (error) {
      await session.close();
      throw error;
    }
    return session;
  }

  /** The driver's own connection, for a stream. */
  get client(): Client {
    return this.#client;
  }

  /** Why the connection is of no use any more. */
  get broken(): Error | undefined {
    return this.#broken;
  }

  async query(text: string, values: readonly unknown[] = []): Promise<readonly TextRow[]> {
    const { rows } = await this.#client.query<(string | null)[]>({
      text,
      ...(values.length === 0 ? {} : { values: [...values] }),
      rowMode: 'array',
      types: AS_TEXT,
    });
    return rows;
  }

  /** The one row of a result, by the names of its columns. For the commands of replication, too. */
  async row(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Readonly<Record<string, string | null>> | undefined> {
    const { rows } = await this.#client.query<Record<string, string | null>>({
      text,
      ...(values.length === 0 ? {} : { values: [...values] }),
      types: AS_TEXT,
    });
    return rows[0];
  }

  /** A server that does not answer is not waited for. Never rejects. */
  async close(): Promise<void> {
    const over = new AbortController();
    const ended = this.#client.end().catch(() => {});
    await Promise.race([ended, sleep(CLOSING, undefined, { signal: over.signal }).catch(() => {})]);
    over.abort();
    this.destroy();
  }

  /** Ends it at once. What is being asked fails. */
  destroy(): void {
    (this.#client as Client & { readonly connection?: Streaming }).connection?.stream.destroy();
  }
}

/** What of the driver's connection streams need, and its types do not tell. */
export interface Streaming {
  readonly stream: { pause(): void; resume(): void; destroy(): void };
  once(event: 'replicationStart', listener: () => void): unknown;
  on(event: 'copyData', listener: (message: { readonly chunk: Buffer }) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  sendCopyFromChunk(chunk: Buffer): void;
}
