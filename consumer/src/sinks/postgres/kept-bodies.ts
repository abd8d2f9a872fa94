import { connectToPrimary, KEPT_BODIES, keptId, postgresServers, refuseOddMessages } from '@tributary/shared';
import { Client, escapeIdentifier } from 'pg';
import type { KeptBodies } from '../../dead-letters/kept-bodies.js';

/** Milliseconds. */
const TIMEOUT = 30_000;

/**
 * Bodies as rows of a table beside the output's. It is needed hardly ever, so each time opens a connection of its own: it takes
 * none from the pool that writes.
 */
export function tableBodies(url: string, schema: string): KeptBodies {
  const table = `${escapeIdentifier(schema)}.${escapeIdentifier(KEPT_BODIES.table)}`;
  const servers = postgresServers(url);
  return {
    async keep(body, of) {
      const id = keptId(of, body);
      const client = await connectToPrimary(servers, clientOf);
      try {
        await client.query(`CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)}`);
        await client.query(
          `CREATE TABLE IF NOT EXISTS ${table} (id text PRIMARY KEY, body bytea NOT NULL, kept_at timestamptz NOT NULL DEFAULT now())`,
        );
        await client.query(
          `INSERT INTO ${table} (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET kept_at = clock_timestamp()`,
          [id, body],
        );
      } finally {
        await client.end().catch(() => {});
      }
      return { id, where: `${schema}.${KEPT_BODIES.table}, row ${id}` };
    },
  };
}

const clientOf = (connectionString: string) =>
  refuseOddMessages(
    new Client({
      connectionString,
      connectionTimeoutMillis: 5_000,
      query_timeout: TIMEOUT,
      statement_timeout: TIMEOUT,
      fallback_application_name: 'tributary dead letters',
    }),
  );
