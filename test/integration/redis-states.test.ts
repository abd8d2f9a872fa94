import { mkdirSync, rmSync } from 'node:fs';
import { openRedis, type RedisConnection, type RedisNeeds, redisPrefix } from '@tributary/shared';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { recordingLog } from '../../producer/test/support/log.js';
import { type PrivateRedis, startPrivateRedis } from '../services/redis.js';
import { startCuttableWay } from './cuttable-way.js';

/** So long may it take until a state is told, and until its end is, in milliseconds. */
const WITHIN = 10_000;

const writes: RedisNeeds = { key: `${redisPrefix('shop')}probe`, writes: true };

let server: PrivateRedis;
let admin: Redis;
/** Where the server keeps its data. */
let folder: string;
beforeAll(async () => {
  server = await startPrivateRedis({
    settings: ['--enable-protected-configs', 'yes', '--enable-debug-command', 'yes', '--busy-reply-threshold', '100'],
  });
  admin = new Redis(server.url);
  admin.on('error', () => {});
  folder = ((await admin.config('GET', 'dir')) as string[])[1] ?? '';
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

/** A connection as a service has it, and what it tells and logs. */
function watch(url: string, needs: RedisNeeds = writes) {
  const { log, lines } = recordingLog();
  const connection = openRedis({ url, connectionName: 'states', log, needs });
  onTestFinished(() => connection.redis.disconnect());
  const tells = (words: RegExp) =>
    vi.waitFor(() => expect(connection.health.problem).toMatch(words), { timeout: WITHIN, interval: 50 });
  const works = async ({ health }: RedisConnection = connection) => {
    await vi.waitFor(() => expect(health.problem).toBeUndefined(), { timeout: WITHIN, interval: 50 });
  };
  return { ...connection, lines, tells, works };
}

/** How often each state was logged. */
const logged = (lines: readonly Record<string, unknown>[], words: RegExp): number =>
  lines.filter(({ msg }) => words.test(String(msg))).length;

const STATES: Record<string, { words: RegExp; begin: () => Promise<unknown>; end: () => Promise<unknown> }> = {
  'a replica (READONLY)': {
    words: /is a replica and takes no writes \(READONLY\)/,
    begin: () => admin.replicaof('127.0.0.1', 1),
    end: () => admin.replicaof('NO', 'ONE'),
  },
  'a replica that has lost its master (MASTERDOWN)': {
    words: /has lost its master and answers nothing \(MASTERDOWN\)/,
    begin: async () => {
      await admin.config('SET', 'replica-serve-stale-data', 'no');
      await admin.replicaof('127.0.0.1', 1);
    },
    end: async () => {
      await admin.replicaof('NO', 'ONE');
      await admin.config('SET', 'replica-serve-stale-data', 'yes');
    },
  },
  'a disk that takes no snapshot (MISCONF)': {
    words: /cannot save its data to the disk \(MISCONF\)/,
    begin: async () => {
      mkdirSync(`${folder}/gone`);
      await admin.config('SET', 'dir', `${folder}/gone`);
      rmSync(`${folder}/gone`, { recursive: true });
      await admin.config('SET', 'save', '3600 1');
      await admin.set('something', 'to save');
      await admin.bgsave();
    },
    end: async () => {
      await admin.config('SET', 'dir', folder);
      await admin.bgsave();
      await vi.waitFor(
        async () => expect(await admin.info('persistence')).toContain('rdb_last_bgsave_status:ok'),
        30_000,
      );
      await admin.config('SET', 'save', '');
    },
  },
  'a full memory (OOM)': {
    words: /is full and takes no writes \(OOM, maxmemory\)/,
    begin: () => admin.config('SET', 'maxmemory', '1mb'),
    end: () => admin.config('SET', 'maxmemory', '0'),
  },
  'a policy that removes keys': {
    words: /may remove keys of this pipeline when it is full \(maxmemory-policy allkeys-lru\)/,
    begin: async () => {
      await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
      await admin.config('SET', 'maxmemory', '1gb');
    },
    end: async () => {
      await admin.config('SET', 'maxmemory', '0');
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
    },
  },
  'a script that blocks it (BUSY)': {
    words: /runs a script of some program that takes long, and answers nobody else \(BUSY\)/,
    begin: async () => {
      const blocker = new Redis(server.url);
      onTestFinished(() => blocker.disconnect());
      blocker.eval('while true do end', 0).catch(() => {});
    },
    end: () => admin.script('KILL'),
  },
  'too few replicas (NOREPLICAS)': {
    words: /too few replicas \(NOREPLICAS\)/,
    begin: () => admin.config('SET', 'min-replicas-to-write', '1'),
    end: () => admin.config('SET', 'min-replicas-to-write', '0'),
  },
  'a server that reads its data (LOADING)': {
    words: /is reading its data from the disk \(LOADING\)/,
    begin: async () => {
      await admin.eval('for i = 1, 3000 do redis.call("SET", "{other}" .. i, string.rep("x", 1000)) end', 0);
      await admin.config('SET', 'loading-process-events-interval-bytes', '1024');
      // Microseconds for each key.
      await admin.config('SET', 'key-load-delay', '1200');
      void admin.call('DEBUG', 'RELOAD').catch(() => {});
    },
    end: async () => {
      await admin.config('SET', 'key-load-delay', '0');
      await admin.flushall();
    },
  },
  'a command that blocks it (DEBUG SLEEP)': {
    words: /does not answer .* although the connection is open/,
    begin: async () => void admin.call('DEBUG', 'SLEEP', '5').catch(() => {}),
    end: () => admin.ping(),
  },
};

describe('a Redis that answers, and does not do what is asked', () => {
  test.each(Object.entries(STATES))(
    '%s is told once, with what to do, and its end',
    async (_name, { words, begin, end }) => {
      const { tells, works, lines } = watch(server.url);
      await works();
      await begin();
      await tells(words);
      await end();
      await works();
      expect(logged(lines, words)).toBe(1);
      expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
      expect(logged(lines, /connected to Redis/)).toBe(2);
    },
  );

  test('is content with a replica where a service only reads', async () => {
    const { works, redis } = watch(server.url, { ...writes, writes: false });
    await works();
    await admin.replicaof('127.0.0.1', 1);
    try {
      await redis.get('x');
      await works();
    } finally {
      await admin.replicaof('NO', 'ONE');
    }
  });

  test('that has too many clients is told', async () => {
    await admin.config('SET', 'maxclients', '1');
    const { tells, works } = watch(server.url);
    await tells(/takes no more connections \(its maxclients is reached\)/);
    await admin.config('SET', 'maxclients', '10000');
    await works();
  });

  test('that refuses the password, or wants one, is told without the password', async () => {
    await admin.acl('SETUSER', 'known', 'on', '>right', '~*', '+@all');
    const { port } = new URL(server.url);
    const wrong = watch(`redis://known:wrong-secret@127.0.0.1:${port}`);
    await wrong.tells(/refuses the password \(WRONGPASS\)/);
    expect(JSON.stringify([wrong.health.problem, wrong.lines])).not.toContain('wrong-secret');
    await admin.config('SET', 'requirepass', 'needed');
    await admin.auth('needed');
    const without = watch(server.url);
    await without.tells(/refuses the password \(NOAUTH: REDIS_URL has none\)/);
    await admin.config('SET', 'requirepass', '');
    await without.works();
    expect(wrong.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  test('whose user may not write, or not touch the keys of the pipeline, is told', async () => {
    const { port } = new URL(server.url);
    await admin.acl('SETUSER', 'reader', 'on', '>pw', '~*', '+@read', '+@connection', '+info', '+eval');
    await admin.acl('SETUSER', 'stranger', 'on', '>pw', '~other:*', '+@all');
    const reader = watch(`redis://reader:pw@127.0.0.1:${port}`);
    const stranger = watch(`redis://stranger:pw@127.0.0.1:${port}`);
    await reader.tells(/does not let this user do what is needed .*ACL SETUSER/);
    await stranger.tells(/does not let this user do what is needed/);
    await admin.acl('SETUSER', 'reader', '+@all');
    await admin.acl('SETUSER', 'stranger', 'allkeys');
    await Promise.all([reader.works(), stranger.works()]);
  });

  test.each(['HSET', 'INCR', 'HGET', 'SETRANGE', 'ZRANGEBYLEX', 'XREVRANGE', 'EVALSHA', 'TIME'])(
    'whose user may do all but %s, as one of our scripts needs it, is told by the name of the command, and its end',
    async (command) => {
      const user = `all-but-${command}`;
      await admin.acl('SETUSER', user, 'on', '>pw', '~*', '+@all', `-${command.toLowerCase()}`);
      const { tells, works } = watch(`redis://${user}:pw@127.0.0.1:${new URL(server.url).port}`);
      await tells(new RegExp(`does not let this user do what is needed \\(.*${command}`, 'i'));
      await admin.acl('SETUSER', user, '+@all');
      await works();
      expect(await admin.keys(`${writes.key}*`)).toEqual([]);
    },
  );

  test('that is a node of a cluster is told, and which node has the keys (MOVED, CLUSTERDOWN)', async () => {
    const nodes = await Promise.all([1, 2].map(() => startPrivateRedis({ settings: ['--cluster-enabled', 'yes'] })));
    onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.stop()))));
    const [owner = server, other = server] = nodes;
    const [first, second] = [watch(owner.url), watch(other.url)];
    await first.tells(/does not serve the keys of this pipeline \(CLUSTERDOWN\)/);
    const { port } = new URL(other.url);
    const node = new Redis(owner.url);
    onTestFinished(() => node.disconnect());
    await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await node.call('CLUSTER', 'MEET', '127.0.0.1', port);
    await first.works();
    await second.tells(
      new RegExp(`another node \\(127.0.0.1:${new URL(owner.url).port}\\) has the keys of this pipeline`),
    );
  });
});

describe('a Redis that is silent', () => {
  test.each(['ready', 'not ready yet'])('is told, and its end, where the connection was %s', async (when) => {
    if (when !== 'ready') server.pause();
    const { tells, works, redis, lines } = watch(server.url);
    if (when === 'ready') await works();
    server.pause();
    // As the consumer asks when it begins: ioredis would forget it with the connection.
    await vi.waitFor(() => expect(redis.status).toMatch(/^(connect|ready)$/), 30_000);
    const asked = redis.info('server');
    const waiting = redis.incr('{shop}:counted');
    await tells(/does not answer .* although the connection is open/);
    await vi.waitFor(() => expect(redis.status).toMatch(/reconnecting|connecting/), { timeout: WITHIN });
    server.resume();
    await works();
    expect(await asked).toContain('run_id');
    expect(await waiting).toBeGreaterThan(0);
    expect(logged(lines, /does not answer/)).toBe(1);
  });

  test('is left for a new connection when the network swallows the old one', async () => {
    const way = await startCuttableWay(server.url);
    const { tells, works, redis } = watch(way.url);
    await works();
    way.fallSilent();
    const waiting = redis.get('x');
    await tells(/does not answer/);
    await works();
    expect(await waiting).toBeNull();
  });
});
