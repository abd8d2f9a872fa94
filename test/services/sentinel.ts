import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { onPath, searchPath } from './binaries.js';
import { type PrivateService, type Say, sayOnConsole } from './handle.js';
import { freePort } from './ports.js';
import { runPrivately } from './private-server.js';
import { type PrivateRedis, startPrivateRedis } from './redis.js';

/** A master of Redis, its replica, and a Sentinel that watches them. */
export interface PrivateSentinel {
  /** As of REDIS_URL. */
  readonly url: string;
  readonly master: PrivateRedis;
  readonly replica: PrivateRedis;
  readonly sentinel: PrivateService;
  /** Which of both is the master now, by the Sentinel's word, and which is not. `master` and `replica` are what they were at first. */
  roles(): Promise<{ readonly master: PrivateRedis; readonly replica: PrivateRedis }>;
  stop(): Promise<void>;
}

/**
 * @param options.password what master and replica want from every client
 * @param options.front takes the URL of one of both, and gives the one by which the Sentinel, the other one and all clients reach it
 */
export async function startPrivateSentinel(
  {
    password,
    front = async (url) => url,
  }: { readonly password?: string; readonly front?: (url: string) => Promise<string> } = {},
  say: Say = sayOnConsole,
): Promise<PrivateSentinel> {
  const fronts: string[] = [];
  const settings = async (port: number) => {
    const announced = new URL(await front(`redis://127.0.0.1:${port}`)).port;
    fronts.push(announced);
    const address = ['--replica-announce-ip', '127.0.0.1', '--replica-announce-port', announced];
    return ['--repl-diskless-sync-delay', '0', ...address];
  };
  const master = await startPrivateRedis({ settings }, say);
  const masterPort = fronts.at(-1) ?? '';
  const replica = await startPrivateRedis({ settings }, say);
  await withClient(replica.url, async (client) => {
    await client.replicaof('127.0.0.1', Number(masterPort));
    while (!(await client.info('replication')).includes('master_link_status:up')) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  if (password !== undefined) {
    for (const { url } of [replica, master]) {
      await withClient(url, async (client) => {
        await client.config('SET', 'masterauth', password);
        await client.config('SET', 'requirepass', password);
      });
    }
  }
  const sentinel = await runPrivately(async (folder) => {
    const port = await freePort();
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor mymaster 127.0.0.1 ${masterPort} 1`,
      'sentinel down-after-milliseconds mymaster 1000',
      'sentinel failover-timeout mymaster 4000',
      ...(password === undefined ? [] : [`sentinel auth-pass mymaster ${password}`]),
    ];
    writeFileSync(join(folder, 'sentinel.conf'), `${lines.join('\n')}\n`);
    return {
      name: 'Sentinel',
      url: `redis://127.0.0.1:${port}`,
      how: `run privately on port ${port}`,
      command: onPath('redis-server') ?? onPath('valkey-server') ?? 'redis-server',
      args: [join(folder, 'sentinel.conf'), '--sentinel'],
      env: { PATH: searchPath },
      stopSignal: 'SIGTERM' as const,
      // It fails over only to a replica that it has found.
      check: (url) =>
        withClient(url, async (client) => {
          const found = (await client.call('SENTINEL', 'REPLICAS', 'mymaster')) as unknown[];
          if (found.length === 0) throw new Error('it has not found the replica yet');
        }),
    };
  });
  const user = password === undefined ? '' : `:${password}@`;
  return {
    url: `redis+sentinel://${user}${new URL(sentinel.url).host}/mymaster/0`,
    master,
    replica,
    sentinel,
    async roles() {
      const ask = (client: Redis) => client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster');
      const [, port] = (await withClient(sentinel.url, ask)) as [string, string];
      return port === masterPort ? { master, replica } : { master: replica, replica: master };
    },
    async stop() {
      await Promise.all([sentinel, master, replica].map((server) => server.stop()));
    },
  };
}

async function withClient<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { lazyConnect: true, connectTimeout: 5_000, retryStrategy: () => null });
  client.on('error', () => {});
  try {
    await client.connect();
    return await use(client);
  } finally {
    client.disconnect();
  }
}
