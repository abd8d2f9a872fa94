import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type PrivateService, uniqueName } from '../services/handle.js';
import { startPrivatePostgres } from '../services/postgres.js';
import { family, untilGone } from '../services/processes.js';
import { startPrivateRabbitMQ } from '../services/rabbitmq.js';
import { type PrivateRedis, startPrivateRedis } from '../services/redis.js';

/** Node runs no TypeScript: a process outside vitest takes what `tsc -b` built. */
const builtRabbitMQ = new URL('../dist/services/rabbitmq.js', import.meta.url).href;

const QUORUM = { durable: true, arguments: { 'x-queue-type': 'quorum' } };

describe('the services that all tests share', () => {
  test('RabbitMQ confirms what is published to a quorum queue and delivers it', async () => {
    const url = inject('amqpUrl');
    const queue = uniqueName('services');
    await publish(url, queue, ['one', 'two']);
    expect(await consume(url, queue, 2)).toEqual(['one', 'two']);
    await withAmqp(url, (connection) => connection.createChannel().then((channel) => channel.deleteQueue(queue)));
  });

  test('Redis keeps a value and runs a script', async () => {
    const key = uniqueName('services');
    await withRedis(inject('redisUrl'), async (client) => {
      await client.set(key, 'kept');
      expect(await client.eval('return redis.call("GET", KEYS[1])', 1, key)).toBe('kept');
      await client.del(key);
    });
  });

  test('Postgres commits rows and reads them back', async () => {
    const schema = uniqueName('services');
    await withPostgres(inject('postgresUrl'), async (client) => {
      await client.query(`CREATE SCHEMA ${schema}`);
      await client.query(`CREATE TABLE ${schema}.kept (id int PRIMARY KEY)`);
      await client.query(`INSERT INTO ${schema}.kept VALUES (1), (2)`);
      const { rows } = await client.query(`SELECT id FROM ${schema}.kept ORDER BY id`);
      expect(rows).toEqual([{ id: 1 }, { id: 2 }]);
      await client.query(`DROP SCHEMA ${schema} CASCADE`);
    });
  });
});

describe('a private RabbitMQ', () => {
  let server: PrivateService;
  beforeAll(async () => {
    server = await startPrivateRabbitMQ();
    await publish(server.url, 'kept', []);
    await publish(server.url, 'paused', []);
    // So that the queues are on the disk before the first kill (see startPrivateRabbitMQ).
    await server.restart();
  });
  afterAll(() => server.stop());

  test('has the messages of a quorum queue after a kill and after a restart, at the same URL', async () => {
    const { url } = server;
    const bodies = Array.from({ length: 200 }, (_, index) => `message ${index}`);
    await publish(url, 'kept', bodies);
    await server.kill();
    await publish(url, 'kept', ['after the kill']);
    await server.restart();
    expect(server.url).toBe(url);
    expect(await consume(url, 'kept', 201)).toEqual([...bodies, 'after the kill']);
  });

  test('answers nobody while it is paused or down, and everybody again afterwards', async () => {
    server.pause();
    await expect(publish(server.url, 'paused', ['lost'])).rejects.toThrow();
    server.resume();
    await publish(server.url, 'paused', ['after the pause']);
    await server.down();
    await expect(publish(server.url, 'paused', ['lost'])).rejects.toThrow('ECONNREFUSED');
    await server.up();
    expect(await consume(server.url, 'paused', 1)).toEqual(['after the pause']);
  });
});

describe('a private Redis', () => {
  const servers: PrivateRedis[] = [];
  const start = async (appendOnly: boolean) => {
    const server = await startPrivateRedis({ appendOnly });
    servers.push(server);
    return server;
  };
  const value = (server: PrivateRedis) => withRedis(server.url, (client) => client.get('key'));
  const write = (server: PrivateRedis) => withRedis(server.url, (client) => client.set('key', 'value'));
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  test('with an append-only file has its data after a kill and a restart, and none after a flush', async () => {
    const server = await start(true);
    await write(server);
    await server.kill();
    expect(await value(server)).toBe('value');
    await server.restart();
    expect(await value(server)).toBe('value');
    await server.flush();
    expect(await value(server)).toBeNull();
  });

  test('without one comes back empty', async () => {
    const server = await start(false);
    await write(server);
    await server.restart();
    expect(await value(server)).toBeNull();
    await write(server);
    await server.kill();
    expect(await value(server)).toBeNull();
  });

  test('answers nobody while it is paused', async () => {
    const server = await start(false);
    server.pause();
    await expect(value(server)).rejects.toThrow();
    server.resume();
    expect(await value(server)).toBeNull();
  });
});

describe('a private Postgres', () => {
  let server: PrivateService;
  beforeAll(async () => {
    server = await startPrivatePostgres();
  });
  afterAll(() => server.stop());

  test('has what was committed after a kill and after a restart, with clients connected', async () => {
    const query = (sql: string) => withPostgres(server.url, (client) => client.query<{ id: number }>(sql));
    await query('CREATE TABLE kept (id int PRIMARY KEY)');
    const busy = new Client({ connectionString: server.url });
    busy.on('error', () => {});
    await busy.connect();
    await query('INSERT INTO kept VALUES (1)');
    await server.kill();
    await query('INSERT INTO kept VALUES (2)');
    await server.restart();
    const { rows } = await query('SELECT id FROM kept ORDER BY id');
    expect(rows).toEqual([{ id: 1 }, { id: 2 }]);
    await expect(busy.query('SELECT 1')).rejects.toThrow();
  });

  test('answers no connection, old or new, while it is paused', async () => {
    const old = new Client({ connectionString: server.url, query_timeout: 500 });
    await old.connect();
    server.pause();
    await expect(old.query('SELECT 1')).rejects.toThrow('timeout');
    await expect(withPostgres(server.url, (client) => client.query('SELECT 1'))).rejects.toThrow('timeout');
    server.resume();
    await withPostgres(server.url, (client) => client.query('SELECT 1'));
    await old.end();
  });
});

test('a private server and its folder go with the test process, even with one that is killed', async () => {
  // RabbitMQ has the largest family: a shell, epmd, the Erlang machine and its helpers.
  const script = `
    import { startPrivateRabbitMQ } from ${JSON.stringify(builtRabbitMQ)};
    const server = await startPrivateRabbitMQ();
    await server.kill();
    console.log(server.url);
    setInterval(() => {}, 1_000);`;
  const folder = mkdtempSync(join(tmpdir(), 'tributary-'));
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = await once(parent.stdout, 'data');
  const all = family(parent.pid ?? 0);
  expect(all.length).toBeGreaterThan(4);
  expect(readdirSync(folder)).toHaveLength(1);
  parent.kill('SIGKILL');
  await untilGone(all);
  await expect(publish(String(url).trim(), 'any', ['lost'])).rejects.toThrow('ECONNREFUSED');
  expect(readdirSync(folder)).toEqual([]);
  rmdirSync(folder);
});

async function withAmqp<T>(url: string, use: (connection: Awaited<ReturnType<typeof connect>>) => Promise<T>) {
  const connection = await connect(url, { timeout: 1_000 });
  // The operation that fails tells; without a listener the error would end the process as well.
  connection.on('error', () => {});
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

/** Declares the queue and publishes to it; resolves when all is confirmed. */
function publish(url: string, queue: string, bodies: readonly string[]): Promise<void> {
  return withAmqp(url, async (connection) => {
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(queue, QUORUM);
    for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body), { persistent: true });
    await channel.waitForConfirms();
  });
}

/** Takes and acknowledges `count` messages. A kill soon afterwards may bring them back: nobody confirms an ack. */
function consume(url: string, queue: string, count: number): Promise<string[]> {
  return withAmqp(url, async (connection) => {
    const channel = await connection.createChannel();
    await channel.prefetch(50);
    const bodies: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const take = (message: { content: Buffer } | null) => {
        if (message === null) return reject(new Error('the broker cancelled the consumer'));
        bodies.push(message.content.toString());
        channel.ack(message as Parameters<typeof channel.ack>[0]);
        if (bodies.length === count) resolve();
      };
      channel.consume(queue, take).catch(reject);
    });
    await channel.close();
    return bodies;
  });
}

async function withRedis<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 500,
    commandTimeout: 500,
    retryStrategy: () => null,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return await use(client);
  } finally {
    client.disconnect();
  }
}

async function withPostgres<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end();
  }
}
