import { Client } from 'pg';
import { startLogicalPostgres } from '../../../services/postgres.js';
import { until } from '../until.js';
import { Follower } from './follow.js';
import type { CollectionName, MirrorKind } from './mirror.js';
import { postgresMirror } from './sql/postgres.js';

/** Milliseconds until all changes are streamed and confirmed; what takes longer hangs. */
const PATIENCE = 240_000;

/** The tables of a Postgres whose changes are followed over one slot. Its server is killed and stopped. */
export const changesMirror: MirrorKind = {
  async start({ api, reach, say, signal }, release) {
    const server = await startLogicalPostgres({}, say);
    release.add('the source', () => server.stop());
    say(`the source: ${server.how}`);
    await postgresMirror.makeTables(server.url);
    const follower = new Follower({ api, signal, write: (changes) => postgresMirror.write(server.url, changes) });
    release.add('what follows the CRM', () => follower.end());
    const url = await reach('producers to the source', server.url);
    const endpoint = (table: CollectionName) => ({
      source: 'postgres-changes',
      url,
      table,
      // So few that a copy has several.
      chunk: 50,
      timeout: '5s',
      connectTimeout: '2s',
      retryDelay: '200ms',
    });
    return {
      endpoints: { customers: endpoint('customers'), products: endpoint('products') },
      server,
      isPolled: false,
      begin: () => follower.begin(),
      async caughtUp(stop) {
        await follower.caughtUp(stop);
        const end = await ask(server.url, 'SELECT pg_current_wal_lsn()::text');
        const lacks = async () => {
          const text = `SELECT coalesce(min(confirmed_flush_lsn)::text, 'no slot') FROM pg_replication_slots
            WHERE NOT temporary HAVING coalesce(min(confirmed_flush_lsn) < '${end}', true)`;
          const behind = await ask(server.url, text);
          return behind === undefined ? undefined : `the slot is confirmed up to ${behind}, not ${end}`;
        };
        await until('all changes are streamed and confirmed', lacks, { timeout: PATIENCE, signal: stop, every: 500 });
      },
    };
  },
};

/** The first value of the first row. */
async function ask(url: string, text: string): Promise<string | undefined> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 30_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<[string]>({ text, rowMode: 'array' });
    return rows[0]?.[0];
  } finally {
    await client.end().catch(() => {});
  }
}
