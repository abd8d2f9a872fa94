import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, parsePipeline, Redis, topologyOf } from '@tributary/shared';
import { connect } from 'amqplib';
import { Client } from 'pg';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { createConsumer } from '../../consumer/src/service.js';
import { createProducer } from '../../producer/src/service.js';
import { reveal } from '../../producer/src/shape/protect/encrypted.js';
import { readProtectionKeys } from '../../producer/src/shape/protect/keys.js';
import { json, startApi } from '../../producer/test/support/api.js';
import { uniqueName } from '../services/handle.js';

/** Stands in every protected value, and nowhere else. */
const CANARY = 'Kanarienvogel';

const KEYS = readProtectionKeys({
  PRIVACY_HASH_KEY: 'the key of the pseudonyms in the tests',
  PRIVACY_ENCRYPTION_KEYS: 'test:the key of the encryption in the tests',
});

const person = (n: number, more: object = {}) => ({
  id: `${CANARY}-${n}`,
  at: `2026-01-01T00:00:${String(n).padStart(2, '0')}Z`,
  email: `x.${CANARY}@example.org`,
  name: `A${CANARY}`,
  phone: `+49 ${CANARY} ${n}`,
  born: '1984-06-11',
  notes: CANARY,
  lines: [{ sku: 'S1', recipient: CANARY }],
  undeclared: CANARY,
  ...more,
});

/** What is left of a record is told apart by `at`; the last five become dead letters, each for another reason. */
const RECORDS: readonly unknown[] = [
  ...[0, 1, 2, 3].map((n) => person(n)),
  person(4, { born: CANARY }),
  person(5, { email: { nested: CANARY } }),
  person(6, { lines: CANARY }),
  person(7, { at: 'never', notes: CANARY }),
  `${CANARY} is no object`,
];
const GOOD = 4;
const BAD = RECORDS.length - GOOD;

async function setUp(sink: 'csv' | 'postgres') {
  const name = uniqueName('privacy');
  const directory = mkdtempSync(join(tmpdir(), 'tributary-privacy-'));
  const api = await startApi((_, response) => json(response, RECORDS));
  const protectedText = (protect: string) => ({ type: 'string', protect });
  const fields = {
    id: protectedText('hash'),
    at: 'datetime',
    email: protectedText('hash'),
    name: protectedText('mask'),
    phone: protectedText('encrypt'),
    born: { type: 'date', protect: { type: 'generalise', to: 'year' } },
    notes: { type: 'string?', protect: 'drop' },
    // An expression that fails on some of them: its words would hold the value.
    age: { type: 'integer?', value: 'int(email)' },
    lines: { type: 'list', items: { sku: 'string', recipient: protectedText('hash') } },
  };
  const entity = { dataset: 'people', queue: `${name}_people`, key: 'id', version: 'at', fields };
  const text = JSON.stringify({
    name,
    entities: { person: entity },
    endpoints: {
      people: {
        url: api.url,
        entity: 'person',
        schedule: { every: '300ms' },
        deletes: { missing: true, atMost: 'all' },
      },
    },
    batch: { interval: '200ms' },
    sink: { type: sink, csv: { directory }, postgres: { schema: name } },
  });
  const config = parsePipeline(text, {}, 'the test');
  const logs: string[] = [];
  const log = (service: string) =>
    createLogger({ service, instance: service, level: 'trace' }, { write: (line: string) => void logs.push(line) });
  const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl'), postgresUrl: inject('postgresUrl') };
  const settings = (instance: string) => ({
    ...servers,
    config,
    instance,
    log: log(instance),
    port: 0,
    host: '127.0.0.1',
  });
  const producer = createProducer({ ...settings('producer'), schedule: true, protectionKeys: KEYS });
  const consumer = createConsumer(settings('consumer'));
  const broker = await connect(servers.amqpUrl);
  const channel = await broker.createChannel();
  const redis = new Redis(servers.redisUrl);
  const postgres = new Client(servers.postgresUrl);
  await postgres.connect();
  onTestFinished(async () => {
    await producer.stop();
    await consumer.stop();
    for (const { queue, deadQueue } of topologyOf(config).queues) {
      await channel.deleteQueue(queue);
      await channel.deleteQueue(deadQueue);
    }
    await broker.close();
    const keys = await redis.keys(`{${name}}:*`);
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
    await postgres.query(`drop schema if exists "${name}" cascade`);
    await postgres.end();
    rmSync(directory, { recursive: true });
  });

  const messages = async (queue: string): Promise<string> => {
    const found: string[] = [];
    const own = await broker.createChannel();
    // A queue that the producer has not made yet closes the channel.
    own.on('error', () => {});
    for (let message = await own.get(queue); message !== false; message = await own.get(queue)) {
      found.push(`${JSON.stringify(message.properties)} ${message.content.toString()}`);
    }
    // Closed, it gives all of them back.
    await own.close();
    return found.join('\n');
  };
  const inRedis = async (): Promise<string> => {
    const found: unknown[] = [];
    for (const key of await redis.keys(`{${name}}:*`)) found.push(key, await contentOf(redis, key));
    return JSON.stringify(found);
  };
  const inPostgres = async (): Promise<string> => {
    const tables = await postgres.query('select tablename from pg_tables where schemaname = $1', [name]);
    const found: unknown[] = [];
    for (const { tablename } of tables.rows) {
      found.push(tablename, (await postgres.query(`select t::text as row from "${name}"."${tablename}" t`)).rows);
    }
    return JSON.stringify(found);
  };
  const inFiles = () =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.name} ${readFileSync(join(entry.parentPath, entry.name), 'utf8')}`)
      .join('\n');
  return { config, producer, consumer, logs, messages, inRedis, inPostgres, inFiles };
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

describe.each(['csv', 'postgres'] as const)('protected values, with the sink %s', (sink) => {
  test('are nowhere but at the API', { timeout: 120_000 }, async () => {
    const { config, producer, consumer, logs, messages, inRedis, inPostgres, inFiles } = await setUp(sink);
    const [queues] = topologyOf(config).queues;
    if (queues === undefined) throw new Error('no queue');
    await producer.start();
    const queued = await vi.waitFor(
      async () => {
        const found = await messages(queues.queue);
        expect(found.split('\n').length).toBeGreaterThanOrEqual(RECORDS.length - 1);
        return found;
      },
      { timeout: 30_000, interval: 300 },
    );
    await consumer.start();
    const written = async () => (sink === 'csv' ? inFiles() : await inPostgres());
    await vi.waitFor(async () => expect((await written()).match(/enc:test:/g)?.length).toBeGreaterThanOrEqual(GOOD), {
      timeout: 60_000,
      interval: 300,
    });
    const dead = await vi.waitFor(
      async () => {
        const found = await messages(queues.deadQueue);
        expect(found.split('\n').length).toBeGreaterThanOrEqual(BAD);
        return found;
      },
      { timeout: 30_000, interval: 300 },
    );
    const places = {
      queued,
      dead,
      written: await written(),
      redis: await inRedis(),
      logs: logs.join(''),
      metrics: `${await producer.registry.metrics()}${await consumer.registry.metrics()}`,
    };
    for (const [place, text] of Object.entries(places)) {
      expect(text.length, place).toBeGreaterThan(0);
      expect(text.includes(CANARY), `${place} holds a protected value: ${around(text)}`).toBe(false);
    }
    // What is encrypted is there all the same, for whoever has the key.
    expect(reveal(places.written, KEYS).text).toContain(`+49 ${CANARY} 3`);
    expect(places.written).toContain('1984');
  });
});

const around = (text: string): string => {
  const at = text.indexOf(CANARY);
  return at < 0 ? '' : text.slice(Math.max(0, at - 200), at + 100);
};
