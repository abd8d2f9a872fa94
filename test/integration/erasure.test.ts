import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, parsePipeline, Redis, topologyOf } from '@tributary/shared';
import { connect } from 'amqplib';
import { Client } from 'pg';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { createConsumer } from '../../consumer/src/service.js';
import { createProducer } from '../../producer/src/service.js';
import { json, startApi } from '../../producer/test/support/api.js';
import { cli } from '../../tributary/test/cli/support.js';
import { uniqueName } from '../services/handle.js';

/** Stands in the key of the person who is erased, and in all that is told of her. */
const CANARY = 'Kanarienvogel';
const PATIENT = { timeout: 40_000, interval: 200 };

type Person = Readonly<Record<string, unknown>>;
const person = (id: string, more: Person = {}): Person => ({
  id,
  at: '2026-01-01T00:00:01Z',
  name: `name of ${id}`,
  lines: [{ sku: 'S1' }, { sku: 'S2' }],
  ...more,
});
const ITEMS = ['S1', 'S2'].map((sku) => ({ sku, title: `title of ${sku}` }));

async function setUp(sink: 'csv' | 'postgres') {
  const name = uniqueName('erasure');
  const directory = mkdtempSync(join(tmpdir(), 'tributary-erasure-'));
  const output = join(directory, 'output');
  /** What the API has, which goes on to have it. */
  let people: Person[] = [];
  const api = await startApi(({ url }, response) => json(response, String(url).includes('/items') ? ITEMS : people));
  const queue = (entity: string) => `${name}_${entity}`;
  const lines = { type: 'list', items: { sku: 'string' } };
  const endpoint = (entity: string) => ({ url: `${api.url}/${entity}s`, entity, schedule: { every: '300ms' } });
  const text = JSON.stringify({
    name,
    entities: {
      person: {
        dataset: 'people',
        queue: queue('person'),
        key: 'id',
        version: 'at',
        fields: { id: 'string', at: 'datetime', name: 'string', lines },
      },
      item: { dataset: 'items', queue: queue('item'), key: 'sku', fields: { sku: 'string', title: 'string' } },
    },
    endpoints: { people: endpoint('person'), items: endpoint('item') },
    merges: {
      person_items: {
        each: { entity: 'person', lines: 'lines' },
        with: { entity: 'item', on: 'sku' },
        columns: { name: 'person.name', title: 'item.title' },
      },
    },
    batch: { interval: '200ms' },
    sink: { type: sink, csv: { directory: output }, postgres: { schema: name, history: true } },
  });
  const file = join(directory, 'pipeline.yaml');
  writeFileSync(file, text);
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
  const producer = createProducer({ ...settings('producer'), schedule: true });
  const consumer = createConsumer(settings('consumer'));
  const broker = await connect(servers.amqpUrl);
  const channel = await broker.createChannel();
  const redis = new Redis(servers.redisUrl);
  const postgres = new Client(servers.postgresUrl);
  await postgres.connect();
  onTestFinished(async () => {
    await producer.stop();
    await consumer.stop();
    for (const { queue: one, deadQueue } of topologyOf(config).queues) {
      await channel.deleteQueue(one);
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

  const audit = join(directory, 'actions.jsonl');
  const env = { AMQP_URL: servers.amqpUrl, POSTGRES_URL: servers.postgresUrl, AUDIT_LOG: audit };
  const command = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli([...args, '--reason', 'request 17', '--config', file], { env });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const messages = async (): Promise<string> => {
    const found: string[] = [];
    for (const { queue: one, deadQueue } of topologyOf(config).queues) {
      for (const from of [one, deadQueue]) {
        const own = await broker.createChannel();
        for (let message = await own.get(from); message !== false; message = await own.get(from))
          found.push(`${JSON.stringify(message.properties)} ${message.content.toString()}`);
        await own.close();
      }
    }
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
    for (const { tablename } of tables.rows)
      found.push(tablename, (await postgres.query(`select t::text as row from "${name}"."${tablename}" t`)).rows);
    return JSON.stringify(found);
  };
  const inFiles = () =>
    readdirSync(output, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.name} ${readFileSync(join(entry.parentPath, entry.name), 'utf8')}`)
      .join('\n');
  const written = async () => (sink === 'csv' ? inFiles() : await inPostgres());
  const serve = (...now: Person[]) => {
    people = now;
  };
  const auditLog = () => readFileSync(audit, 'utf8');
  return { producer, consumer, logs, messages, inRedis, written, command, serve, auditLog };
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

describe.each(['csv', 'postgres'] as const)('a person who is erased, with the sink %s', (sink) => {
  test('is found nowhere afterwards, and does not come back', { timeout: 150_000 }, async () => {
    const { producer, consumer, logs, messages, inRedis, written, command, serve, auditLog } = await setUp(sink);
    const id = `C/${CANARY}`;
    const broken = person(id, { at: '2026-01-02T00:00:00Z', name: { nested: CANARY } });
    serve(person(id), person('C-2'), broken);
    await producer.start();
    await consumer.start();
    await vi.waitFor(async () => {
      const rows = await written();
      expect(rows).toContain('C-2/S2');
      expect(rows).toContain(`C%2F${CANARY}/S2`);
      expect(await messages()).toContain(CANARY);
    }, PATIENT);
    // A state of before, which the history keeps.
    serve(person(id, { at: '2026-01-03T00:00:00Z', name: `other ${CANARY}` }), person('C-2'), broken);
    await vi.waitFor(async () => expect(await written()).toContain(`other ${CANARY}`), PATIENT);

    const subject = await command('subject', 'person', id);
    const { rows, deadLetters, mentions } = subject as { rows: { place: string; key: string }[] } & Record<
      'deadLetters' | 'mentions',
      unknown[]
    >;
    expect(new Set(rows.map(({ key }) => key))).toEqual(new Set([id, `C%2F${CANARY}/S1`, `C%2F${CANARY}/S2`]));
    expect(rows.length).toBeGreaterThanOrEqual(6);
    expect(deadLetters.length).toBeGreaterThanOrEqual(1);
    expect(mentions).toEqual([]);

    const before = logs.length;
    const certificate = await command('erase', 'person', id);
    expect(certificate).toMatchObject({ certificate: 'erasure', entity: 'person', reason: 'request 17' });
    expect(certificate.deadLetters).toBeGreaterThanOrEqual(1);
    expect(JSON.stringify(certificate)).not.toContain(CANARY);
    expect(await written()).not.toContain(CANARY);

    // The API goes on to have the record, good and bad, and in a newer state too; and others land.
    // A session that began before may still tell of a bad record that it had at work.
    await vi.waitFor(
      () => expect(logs.slice(before).some((line) => line.includes('"msg":"consuming"'))).toBe(true),
      PATIENT,
    );
    const logged = logs.length;
    serve(person(id, { at: '2026-01-04T00:00:00Z' }), person('C-2'), person('C-3'), {
      ...broken,
      at: '2026-01-05T00:00:00Z',
    });
    await vi.waitFor(async () => expect(await written()).toContain('C-3/S2'), PATIENT);
    await vi.waitFor(async () => {
      const metrics = await consumer.registry.metrics();
      expect(metrics).toMatch(/tributary_records_total\{entity="person",outcome="erased",service="consumer"\} [1-9]/);
    }, PATIENT);
    // Others are there once, and whole.
    const text = await written();
    expect(text).toContain('C-2/S1');
    await producer.stop();
    await vi.waitFor(() => expect(consumer.unsettled()).toBe(0), PATIENT);
    await consumer.flushNow();
    const places = {
      written: await written(),
      queues: `-${await messages()}`,
      redis: await inRedis(),
      metrics: `${await consumer.registry.metrics()}`,
      audit: auditLog(),
      log: `-${logs
        .slice(logged)
        .filter((line) => line.includes('"consumer"'))
        .join('\n')}`,
    };
    for (const [place, found] of Object.entries(places)) {
      expect(found.length, place).toBeGreaterThan(0);
      expect(found.includes(CANARY), `${place} still has the person: ${around(found)}`).toBe(false);
    }
  });
});

const around = (text: string): string => {
  const at = text.indexOf(CANARY);
  return at < 0 ? '' : text.slice(Math.max(0, at - 200), at + 100);
};
