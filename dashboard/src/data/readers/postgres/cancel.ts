import { encodedUrl, type PostgresServer, refuseOddMessages, systemClock } from '@tributary/shared';
import { Client, type PoolClient } from 'pg';

const CONNECT_TIMEOUT = 5_000;
/** Milliseconds between two cancellations. */
const AGAIN = 500;

/**
 * Ends the statements that a connection waits for. To close the connection is not enough: the server goes on with a statement
 * whose client has gone, until it has a row to send. It needs a connection of its own, because none of the pool may be free.
 *
 * A cancellation that comes before the server has read the statement ends nothing, so it is sent again until the work is over.
 * @param over aborts when the connection waits for nothing any more
 */
export async function cancelStatements(server: PostgresServer, client: PoolClient, over: AbortSignal): Promise<void> {
  // The types do not name it.
  const { processID } = client as PoolClient & { readonly processID?: number | null };
  if (!processID) return;
  const canceller = refuseOddMessages(
    new Client({
      connectionString: encodedUrl(server.url),
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      query_timeout: CONNECT_TIMEOUT,
      application_name: 'tributary dashboard',
    }),
  );
  canceller.on('error', () => {});
  try {
    await canceller.connect();
    do {
      await canceller.query('SELECT pg_cancel_backend($1)', [processID]);
      await systemClock.sleep(AGAIN, over);
    } while (!over.aborted);
  } catch {
    // The server's own limit of time ends the statement.
  } finally {
    await canceller.end().catch(() => {});
  }
}
