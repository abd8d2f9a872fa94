import { DATABASES, type DatabaseKind, type EndpointOf, type LimitsConfig } from '@tributary/shared';
import type { Database, DatabaseOptions } from './database.js';
import { MysqlDatabase } from './mysql/mysql.js';
import { OdbcDatabase } from './odbc/odbc.js';
import { OracleDatabase } from './oracle/oracle.js';
import { Room } from './pool.js';
import { PostgresDatabase } from './postgres/postgres.js';
import { SqliteDatabase } from './sqlite/sqlite.js';

const KINDS: Readonly<Record<DatabaseKind, (options: DatabaseOptions) => Database>> = {
  postgres: (options) => new PostgresDatabase(options),
  mysql: (options) => new MysqlDatabase(options),
  sqlite: (options) => new SqliteDatabase(options),
  odbc: (options) => new OdbcDatabase(options),
  oracle: (options) => new OracleDatabase(options),
};

/**
 * The databases of all endpoints. Endpoints with the same URL and time-outs share connections, which are made when they are needed, and ended
 * when they have been idle for a while or another database of the host needs their place.
 */
export class Databases {
  readonly #limits: LimitsConfig;
  readonly #open = new Map<string, Database>();
  /** By host. */
  readonly #rooms = new Map<string, Room>();

  constructor(limits: LimitsConfig) {
    this.#limits = limits;
  }

  for({ url, timeout, connectTimeout }: Pick<EndpointOf<'sql'>, 'url' | 'timeout' | 'connectTimeout'>): Database {
    const name = JSON.stringify([url, timeout, connectTimeout]);
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const database = openDatabase({ url, timeout, connectTimeout, room: this.#roomOf(new URL(url).host) });
    this.#open.set(name, database);
    return database;
  }

  #roomOf(host: string): Room {
    const { perHost, hosts } = this.#limits;
    const room = this.#rooms.get(host) ?? new Room((hosts[host] ?? perHost).concurrency);
    this.#rooms.set(host, room);
    return room;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((database) => database.close()));
  }
}

/** @param options with a URL that begins as one of DATABASES */
export function openDatabase(options: DatabaseOptions): Database {
  const scheme = new URL(options.url).protocol.slice(0, -1);
  const kind = Object.entries(DATABASES).find(([name]) => name === scheme)?.[1];
  if (kind === undefined) throw new Error(`a URL that begins with ${scheme} passed the check of the configuration`);
  return KINDS[kind](options);
}
