import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger, type PipelineConfig, Redis } from '@tributary/shared';
import { type Channel, connect } from 'amqplib';
import { Client } from 'pg';
import { expect, inject, onTestFinished } from 'vitest';
import { removeTopology } from './remove-topology.js';

/** What a pipeline of a test has on the servers. */
export interface OnServers {
  readonly channel: Channel;
  readonly redis: Redis;
  /** Every message of a queue, with its properties; all of them stay there. */
  messages(queue: string): Promise<string>;
  /** Every key in Redis, with what it holds. */
  inRedis(): Promise<string>;
}

/** RabbitMQ and Redis of the tests, from which all of the pipeline is removed when the test is over. */
export async function onServers(config: PipelineConfig): Promise<OnServers> {
  const broker = await connect(inject('amqpUrl'));
  const channel = await broker.createChannel();
  const redis = new Redis(inject('redisUrl'));
  const keysOfPipeline = () => redis.keys(`{${config.name}}:*`);
  onTestFinished(async () => {
    await removeTopology(channel, config);
    await broker.close();
    const keys = await keysOfPipeline();
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
  });
  return {
    channel,
    redis,
    async messages(queue) {
      const found: string[] = [];
      const own = await broker.createChannel();
      // A queue that the producer has not made yet closes the channel.
      own.on('error', () => {});
      for (let message = await own.get(queue); message !== false; message = await own.get(queue))
        found.push(`${JSON.stringify(message.properties)} ${message.content.toString()}`);
      // Closed, it gives all of them back.
      await own.close();
      return found.join('\n');
    },
    async inRedis() {
      const found: unknown[] = [];
      for (const key of await keysOfPipeline()) found.push(key, await contentOf(redis, key));
      return JSON.stringify(found);
    },
  };
}

async function contentOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash':
      return await redis.hgetall(key);
    case 'set':
      return await redis.smembers(key);
    case 'zset':
      return await redis.zrange(key, '0', '-1');
    case 'list':
      return await redis.lrange(key, 0, -1);
    case 'stream':
      return await redis.xrange(key, '-', '+');
    default:
      return await redis.get(key);
  }
}

/** Postgres of the tests, from which the schema is removed when the test is over. @returns what gives every row of every table there */
export async function onPostgres(schema: string): Promise<() => Promise<string>> {
  const postgres = new Client(inject('postgresUrl'));
  await postgres.connect();
  onTestFinished(async () => {
    await postgres.query(`drop schema if exists "${schema}" cascade`);
    await postgres.end();
  });
  return async () => {
    const tables = await postgres.query('select tablename from pg_tables where schemaname = $1', [schema]);
    const found: unknown[] = [];
    for (const { tablename } of tables.rows)
      found.push(tablename, (await postgres.query(`select t::text as row from "${schema}"."${tablename}" t`)).rows);
    return JSON.stringify(found);
  };
}

/** Every file below a folder, with its name. */
export const inFiles = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.name} ${readFileSync(join(entry.parentPath, entry.name), 'utf8')}`)
    .join('\n');

/** Settings of services of a pipeline, on the servers of the tests, and all that they log. */
export function loggedServices(config: PipelineConfig) {
  const logs: string[] = [];
  const settings = (instance: string) => ({
    amqpUrl: inject('amqpUrl'),
    redisUrl: inject('redisUrl'),
    postgresUrl: inject('postgresUrl'),
    config,
    instance,
    log: createLogger(
      { service: instance, instance, level: 'trace' },
      { write: (line: string) => void logs.push(line) },
    ),
    port: 0,
    host: '127.0.0.1',
  });
  return { logs, settings };
}

/** Looks for a text in each place. None may be empty: what was not read would always pass. */
export function expectNowhere(text: string, places: Readonly<Record<string, string>>): void {
  for (const [place, found] of Object.entries(places)) {
    expect(found.length, place).toBeGreaterThan(0);
    expect(found.includes(text), `${place} has "${text}": ${around(text, found)}`).toBe(false);
  }
}

const around = (text: string, found: string): string => {
  const at = found.indexOf(text);
  return at < 0 ? '' : found.slice(Math.max(0, at - 200), at + 100);
};
