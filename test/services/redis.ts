import { Redis } from 'ioredis';
import { findOrInstall } from './apt.js';
import { onPath, searchPath } from './binaries.js';
import type { ServiceKind } from './choose.js';
import { CONTAINER_TIMEOUT } from './docker.js';
import { type PrivateService, type Say, sayOnConsole } from './handle.js';
import { freePort } from './ports.js';
import { runPrivately } from './private-server.js';

const image = 'redis:8';
const debianPackage = 'redis-server';

export const redis: ServiceKind = {
  name: 'Redis',
  variable: 'REDIS_URL',
  example: 'redis://127.0.0.1:6379',
  image,
  debianPackage,
  check,
  startPrivate: (say) => startPrivateRedis({}, say),
  async startContainer() {
    const { RedisContainer } = await import('@testcontainers/redis');
    const container = await new RedisContainer(image).withStartupTimeout(CONTAINER_TIMEOUT).start();
    return { url: container.getConnectionUrl(), stop: async () => void (await container.stop()) };
  },
};

export interface PrivateRedis extends PrivateService {
  /** FLUSHALL: everything is gone, the server stays. */
  flush(): Promise<void>;
}

/**
 * A Redis (or Valkey) of the test's own, from a program of this machine.
 * @param options.appendOnly whether what was written outlives a restart and a kill; without it, both leave it empty
 * @param options.settings more arguments, as of its command line; they may depend on its port
 * @param options.env more of its environment
 */
export async function startPrivateRedis(
  options: {
    readonly appendOnly?: boolean;
    readonly settings?: readonly string[] | ((port: number) => Promise<readonly string[]>);
    readonly env?: Readonly<Record<string, string>>;
  } = {},
  say: Say = sayOnConsole,
): Promise<PrivateRedis> {
  const find = () => onPath('redis-server') ?? onPath('valkey-server');
  const command = await findOrInstall(find, [debianPackage], say);
  const { settings = [] } = options;
  const persistence = options.appendOnly ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const server = await runPrivately(async (folder) => {
    const port = await freePort();
    return {
      name: 'Redis',
      url: `redis://127.0.0.1:${port}`,
      how: `${command}, run privately on port ${port}`,
      command,
      args: [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--dir',
        folder,
        '--save',
        '',
        ...persistence,
        ...(typeof settings === 'function' ? await settings(port) : settings),
      ],
      env: { PATH: searchPath, ...options.env },
      stopSignal: 'SIGTERM' as const,
      check,
    };
  });
  return { ...server, flush: () => withClient(server.url, (client) => client.flushall()) };
}

function check(url: string): Promise<void> {
  return withClient(url, (client) => client.ping());
}

async function withClient(url: string, use: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, connectTimeout: 5_000, retryStrategy: () => null });
  // connect() rejects with "Connection is closed."; why it is closed comes as an event.
  let reason: Error | undefined;
  client.on('error', (error) => {
    reason = error;
  });
  try {
    await client.connect();
    await use(client);
  } catch (error) {
    throw reason ?? error;
  } finally {
    client.disconnect();
  }
}
