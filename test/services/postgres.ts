import { execFile } from 'node:child_process';
import { chownSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findOrInstall } from './apt.js';
import { firstExecutable, onPath, searchPath, versionsIn } from './binaries.js';
import type { ServiceKind } from './choose.js';
import { CONTAINER_TIMEOUT } from './docker.js';
import { type PrivateService, type Say, sayOnConsole } from './handle.js';
import { freePort } from './ports.js';
import { type Recipe, runPrivately } from './private-server.js';
import { unprivilegedUser } from './unprivileged.js';

const image = 'postgres:17';
const debianPackage = 'postgresql';

export const postgres: ServiceKind = {
  name: 'Postgres',
  variable: 'POSTGRES_URL',
  example: 'postgres://user:password@127.0.0.1:5432/database',
  image,
  debianPackage,
  check,
  startPrivate: startPrivatePostgres,
  async startContainer() {
    const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
    const container = await new PostgreSqlContainer(image).withStartupTimeout(CONTAINER_TIMEOUT).start();
    return { url: container.getConnectionUri(), stop: async () => void (await container.stop()) };
  },
};

/**
 * A Postgres of the test's own, from a program of this machine; what was committed outlives its kills.
 * @param settings of postgresql.conf, beside the usual ones
 */
export async function startPrivatePostgres(say: Say = sayOnConsole, settings: object = {}): Promise<PrivateService> {
  const programs = await findOrInstall(findPrograms, [debianPackage], say);
  return runPrivately((folder) => prepare(folder, programs, settings));
}

/** One whose changes can be followed. */
export const startLogicalPostgres = (settings: object = {}, say: Say = sayOnConsole): Promise<PrivateService> =>
  startPrivatePostgres(say, { wal_level: 'logical', max_wal_senders: 10, max_replication_slots: 10, ...settings });

export interface PrivatePostgresPair {
  readonly primary: PrivateService;
  readonly standby: PrivateService;
  /** Throws away what a server holds, which is down, and starts it as a standby of the other. */
  follow(server: PrivateService, primary: PrivateService): Promise<void>;
}

/**
 * A primary of the test's own, and a standby that follows it until it is promoted (`SELECT pg_promote()`).
 * @param settings of both, as of {@link startPrivatePostgres}
 */
export async function startPrivatePostgresPair(
  say: Say = sayOnConsole,
  settings: object = {},
): Promise<PrivatePostgresPair> {
  const programs = await findOrInstall(findPrograms, [debianPackage], say);
  const replication = {
    wal_level: 'replica',
    max_wal_senders: 4,
    wal_keep_size: '256MB',
    hot_standby: 'on',
    ...settings,
  };
  const primary = await runPrivately((folder) => prepare(folder, programs, replication));
  const standby = await runPrivately((folder) => prepare(folder, programs, replication, primary.url)).catch(
    async (error: unknown) => {
      await primary.stop();
      throw error;
    },
  );
  return {
    primary,
    standby,
    async follow(server, { url }) {
      rmSync(join(server.folder, 'data'), { recursive: true, force: true });
      await makeData(server.folder, programs, url);
      await server.up();
    },
  };
}

/** The folder that holds both `initdb` and `postgres`: Debian keeps them off the PATH, one folder a version. */
function findPrograms(): string | undefined {
  const folders = [
    ...versionsIn('/usr/lib/postgresql', /^\d+$/).map((folder) => join(folder, 'bin')),
    ...versionsIn('/opt/homebrew/opt', /^postgresql(@\d+)?$/).map((folder) => join(folder, 'bin')),
    dirname(onPath('initdb') ?? ''),
  ];
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => firstExecutable([join(folder, name)])));
}

/** @param primary the server that it follows; without one its database is new */
async function prepare(folder: string, programs: string, changes: object = {}, primary?: string): Promise<Recipe> {
  const port = await freePort();
  const data = join(folder, 'data');
  const user = unprivilegedUser('postgres');
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const command = join(programs, 'postgres');
  await makeData(folder, programs, primary);
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    max_connections: 100,
    shared_buffers: '32MB',
    wal_level: 'minimal',
    max_wal_senders: 0,
    max_wal_size: '256MB',
    // What survives a kill is what these servers are for.
    fsync: 'on',
    synchronous_commit: 'on',
    ...changes,
  };
  return {
    name: 'Postgres',
    url: `postgres://tributary@127.0.0.1:${port}/postgres`,
    how: `${command}, run privately on port ${port}`,
    command,
    args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    env: environmentIn(folder),
    user,
    // SIGTERM would wait for every client to leave (Postgres manual, "Shutting Down the Server").
    stopSignal: 'SIGINT',
    check,
  };
}

const environmentIn = (folder: string) => ({ PATH: searchPath, LANG: 'C.UTF-8', HOME: folder });

/** Fills the data folder: with nothing, or with what the primary holds. */
async function makeData(folder: string, programs: string, primary: string | undefined): Promise<void> {
  const data = join(folder, 'data');
  const make =
    primary === undefined
      ? ['initdb', '-D', data, '-U', 'tributary', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
      : ['pg_basebackup', '-D', data, '-d', primary, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
  const [program = '', ...args] = make;
  const options = { cwd: folder, env: environmentIn(folder), ...unprivilegedUser('postgres') };
  await promisify(execFile)(join(programs, program), args, options);
}

async function check(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
  } finally {
    await client.end();
  }
}
