import { encodedUrl, type PipelineConfig, postgresServers, refuseStandby, ServerChoice } from '@tributary/shared';
import { SinkNotSetError } from '../../data/readers/port.js';
import { tablesOf } from '../columns.js';
import type { Places } from '../places.js';
import { LeftSessions, sessionName, withClient } from './left.js';
import { temporaryFilesProblem } from './temporary-files.js';

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
  const left = new LeftSessions();
  const chosen = async () => {
    const server = await choice.first(async (one) => {
      // Of several servers the primary is asked: what a standby shows may be old.
      if (servers.length > 1) await withClient(encodedUrl(one.url), refuseStandby);
      return one;
    });
    return encodedUrl(server.url);
  };
  return {
    tables: async () => tables,
    async problems() {
      if (!url) return [];
      const problem = await withClient(await chosen(), temporaryFilesProblem);
      return problem === undefined ? [] : [problem];
    },
    async take(signal, seconds) {
      if (!url) throw new SinkNotSetError('this pipeline writes to Postgres: set POSTGRES_URL to ask it');
      const server = await chosen();
      await left.room(server, signal);
      const asOf = new Date().toISOString();
      const session = sessionName(seconds);
      const engine = { kind: 'postgres', url: server, session, schema, tables: names } as const;
      return { engine, asOf, release: () => left.note(session, server) };
    },
    close: async () => {},
  };
}
