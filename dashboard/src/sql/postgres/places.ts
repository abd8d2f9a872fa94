import { encodedUrl, type PipelineConfig, postgresServers, refuseStandby, ServerChoice } from '@tributary/shared';
import { Client } from 'pg';
import { SinkNotSetError } from '../../data/readers/port.js';
import { tablesOf } from '../columns.js';
import type { Places } from '../places.js';

export interface PostgresPlacesOptions {
  readonly config: PipelineConfig;
  readonly postgresUrl?: string | undefined;
  readonly sqlUrl?: string | undefined;
}

/** Each query has a connection of its own. */
export function createPostgresPlaces({ config, postgresUrl, sqlUrl }: PostgresPlacesOptions): Places {
  const { schema, history } = config.sink.postgres;
  const tables = tablesOf(config, history);
  const names = tables.map(({ name }) => name);
  const url = sqlUrl || postgresUrl;
  const servers = url ? postgresServers(url) : [];
  const choice = new ServerChoice(servers);
  return {
    tables: async () => tables,
    async take() {
      if (!url) throw new SinkNotSetError('this pipeline writes to Postgres: set POSTGRES_URL to ask it');
      const server = await choice.first(async (one) => {
        if (servers.length > 1) await refuseIfStandby(encodedUrl(one.url));
        return one;
      });
      const asOf = new Date().toISOString();
      const engine = { kind: 'postgres', url: encodedUrl(server.url), schema, tables: names } as const;
      return { engine, asOf, release() {} };
    },
    close: async () => {},
  };
}

/** Of several servers the primary is asked: what a standby shows may be old. */
async function refuseIfStandby(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await refuseStandby(client);
  } finally {
    await client.end().catch(() => {});
  }
}
