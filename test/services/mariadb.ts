import { execFile } from 'node:child_process';
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { findOrInstall } from './apt.js';
import { firstExecutable, onPath, searchPath } from './binaries.js';
import type { ServiceKind } from './choose.js';
import { CONTAINER_TIMEOUT } from './docker.js';
import { type PrivateService, type Say, sayOnConsole } from './handle.js';
import { freePort } from './ports.js';
import { type Recipe, runPrivately } from './private-server.js';
import { unprivilegedUser } from './unprivileged.js';

const image = 'mariadb:11';
const debianPackage = 'mariadb-server';
const PORT = 3306;

export const mariadb: ServiceKind = {
  name: 'MariaDB',
  variable: 'MARIADB_URL',
  example: 'mysql://user:password@127.0.0.1:3306/database',
  image,
  debianPackage,
  check,
  startPrivate: startPrivateMariadb,
  async startContainer() {
    const { GenericContainer } = await import('testcontainers');
    const container = await new GenericContainer(image)
      .withEnvironment({
        MARIADB_ALLOW_EMPTY_ROOT_PASSWORD: '1',
        MARIADB_DATABASE: 'tributary',
        MARIADB_ROOT_HOST: '%',
      })
      .withExposedPorts(PORT)
      .withStartupTimeout(CONTAINER_TIMEOUT)
      .start();
    const url = `mysql://root@${container.getHost()}:${container.getMappedPort(PORT)}/tributary`;
    await untilItAnswers(url);
    return { url, stop: async () => void (await container.stop()) };
  },
};

/** A MariaDB of the test's own, from a program of this machine; what was committed outlives its kills. */
export async function startPrivateMariadb(say: Say = sayOnConsole): Promise<PrivateService> {
  const programs = await findOrInstall(findPrograms, [debianPackage], say);
  return runPrivately((folder) => prepare(folder, programs));
}

interface Programs {
  readonly install: string;
  readonly server: string;
}

/** Debian keeps the server off the PATH of most users. */
function findPrograms(): Programs | undefined {
  const server = onPath('mariadbd') ?? firstExecutable(['/usr/sbin/mariadbd', '/usr/local/sbin/mariadbd']);
  const install = onPath('mariadb-install-db');
  return server === undefined || install === undefined ? undefined : { install, server };
}

async function prepare(folder: string, { install, server }: Programs): Promise<Recipe> {
  const port = await freePort();
  const data = join(folder, 'data');
  const user = unprivilegedUser('mysql');
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const env = { PATH: searchPath, LANG: 'C.UTF-8', HOME: folder, TMPDIR: folder };
  const make = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db'];
  await promisify(execFile)(install, make, { cwd: folder, env, ...user });
  const begin = join(folder, 'begin.sql');
  writeFileSync(
    begin,
    "CREATE DATABASE IF NOT EXISTS tributary;\nCREATE USER IF NOT EXISTS tributary@'127.0.0.1';\n" +
      "GRANT ALL ON *.* TO tributary@'127.0.0.1' WITH GRANT OPTION;\n",
    { mode: 0o644 },
  );
  return {
    name: 'MariaDB',
    url: `mysql://tributary@127.0.0.1:${port}/tributary`,
    how: `${server}, run privately on port ${port}`,
    command: server,
    args: [
      '--no-defaults',
      `--datadir=${data}`,
      `--init-file=${begin}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 'server.sock')}`,
      `--pid-file=${join(folder, 'server.pid')}`,
      '--skip-name-resolve',
      '--innodb-buffer-pool-size=32M',
      '--innodb-log-file-size=32M',
    ],
    env,
    user,
    stopSignal: 'SIGTERM',
    check,
  };
}

async function check(url: string): Promise<void> {
  const connection = await createConnection({ uri: url, connectTimeout: 5_000 });
  try {
    await connection.query('SELECT 1');
  } finally {
    await connection.end();
  }
}

/** The server of a new container is started twice: once without its port, to make the database. */
async function untilItAnswers(url: string): Promise<void> {
  const deadline = Date.now() + CONTAINER_TIMEOUT;
  for (;;) {
    try {
      return await check(url);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
