import { encodedUrl } from '../service/logging.js';
import { type PostgresServer, ServerChoice } from './servers.js';

/** What asking a server needs of a client of `pg`. */
export interface AskingClient {
  query(text: string): Promise<{ readonly rows: readonly { readonly standby?: unknown }[] }>;
}

/** What connecting needs of a client of `pg`. */
export interface ConnectingClient extends AskingClient {
  on(event: 'error', listener: (error: Error) => void): unknown;
  connect(): Promise<unknown>;
  end(): Promise<void>;
}

/** The server answers, and takes no rows; what it shows may be old. */
export class StandbyError extends Error {
  override readonly name = 'StandbyError';
  readonly code = '25006';

  constructor() {
    super('this server is a standby');
  }
}

/** @throws StandbyError */
export async function refuseStandby(client: AskingClient): Promise<void> {
  const { rows } = await client.query('SELECT pg_catalog.pg_is_in_recovery() AS standby');
  if (rows[0]?.standby !== false) throw new StandbyError();
}

/**
 * A connection of its own to the primary among the servers, for what is done rarely.
 * @param make makes a client that is not connected yet
 * @throws what ServerChoice throws, if none of them is a primary that answers
 */
export function connectToPrimary<C extends ConnectingClient>(
  servers: readonly PostgresServer[],
  make: (connectionString: string) => C,
): Promise<C> {
  return new ServerChoice(servers).first(async ({ url }) => {
    const client = make(encodedUrl(url));
    // A connection that breaks fails the query that is under way, or the next.
    client.on('error', () => {});
    try {
      await client.connect();
      await refuseStandby(client);
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
    return client;
  });
}
