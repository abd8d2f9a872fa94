import { createHmac } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Consumer, createConsumer } from '@tributary/consumer';
import { createProducer, type Producer } from '@tributary/producer';
import { createLogger, parsePipeline } from '@tributary/shared';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { cli } from '../../../tributary/test/cli/support.js';
import { eventually } from '../../end-to-end/support/eventually.js';
import { readRows } from '../../end-to-end/support/output.js';
import { startRecordsApi } from '../../end-to-end/support/records-api.js';
import { useStage } from '../../end-to-end/support/stage.js';
import { uniqueName } from '../../services/handle.js';

const log = createLogger({ service: 'test', instance: 'test', level: process.env.LOG ?? 'silent' });
const stage = useStage();
const SECRET = 'a-secret-of-the-sender';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1_000).toISOString();

/** On a real RabbitMQ and Redis, with events over HTTP to two producers. */
describe('events that are sent to the door', { timeout: 120_000 }, () => {
  let name: string;
  let folder: string;
  let redis: Redis;
  const running: (Consumer | Producer)[] = [];

  beforeEach(async () => {
    name = uniqueName('hook');
    folder = await mkdtemp(join(tmpdir(), 'hook-'));
    redis = new Redis(inject('redisUrl'));
  });
  afterEach(async () => {
    for (const service of running.splice(0)) await service.stop(2_000);
    await onChannel(async (channel) => {
      for (const queue of [queueName(), `${queueName()}.dead`]) await channel.deleteQueue(queue);
    });
    const keys = await redis.keys(`*${name}*`);
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
    await rm(folder, { recursive: true });
  });

  const queueName = () => `${name}_customer`;
  const doorOnly = `source: webhook, items: $.events, deletes: { when: "has(raw.gone)" }, sender: { type: github, secret: ${SECRET} }`;
  const textOf = (endpoint: string) => `
name: ${name}
entities:
  customer: { dataset: customers, queue: ${queueName()}, key: id, version: updatedAt, fields: { id: string, name: string?, updatedAt: datetime } }
endpoints:
  crm: { entity: customer, ${endpoint} }
batch: { size: 50, interval: 100ms }
sink: { csv: { directory: ${folder} } }
`;
  const base = (endpoint: string) => ({
    config: parsePipeline(textOf(endpoint), {}, 'test.yaml'),
    amqpUrl: inject('amqpUrl'),
    redisUrl: inject('redisUrl'),
    instance: name,
    port: 0,
    host: '127.0.0.1',
    log,
  });
  async function startProducer(endpoint: string): Promise<Producer> {
    const producer = createProducer({ ...base(endpoint), schedule: true, adminToken: 'an-admin-token' });
    running.push(producer);
    await producer.start();
    await eventually(async () => expect((await fetch(`${producer.url}/readyz`)).status).toBe(200));
    return producer;
  }
  async function startConsumer(endpoint: string): Promise<Consumer> {
    const consumer = createConsumer({ ...base(endpoint) });
    running.push(consumer);
    await consumer.start();
    return consumer;
  }
  async function onChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const connection = await connect(inject('amqpUrl'));
    try {
      return await work(await connection.createChannel());
    } finally {
      await connection.close();
    }
  }
  const send = async (producer: Producer, event: object): Promise<number> => {
    const body = JSON.stringify(event);
    const signature = createHmac('sha256', SECRET).update(body).digest('hex');
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` };
    const response = await fetch(`${producer.url}/hooks/crm`, { method: 'POST', headers, body });
    await response.text();
    return response.status;
  };
  const events = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => ({ id: `C-${from + index}`, updatedAt: at(from + index) }));
  const latest = async () => {
    const rows = await readRows(folder, 'customers');
    const newest = new Map<string, (typeof rows)[number]>();
    for (const row of rows) if (row.version >= (newest.get(row.key)?.version ?? '')) newest.set(row.key, row);
    return { rows, newest };
  };

  test('and that no consumer had written when all was lost are in a backup, and land after its restore', async () => {
    const producer = await startProducer(doorOnly);
    expect(await send(producer, { events: events(0, 30) })).toBe(200);
    const [file, backup] = [`${folder}.yaml`, `${folder}.backup`];
    onTestFinished(() => {
      for (const path of [file, backup, `${folder}.audit`]) rmSync(path, { recursive: true, force: true });
    });
    await writeFile(file, textOf(doorOnly));
    const servers = { AMQP_URL: inject('amqpUrl'), REDIS_URL: inject('redisUrl') };
    const env = { PIPELINE: file, AUDIT_LOG: join(`${folder}.audit`, 'actions.jsonl'), ...servers };
    expect(await cli(['backup', backup], { env })).toMatchObject({ code: 0 });
    for (const service of running.splice(0)) await service.stop(2_000);
    await onChannel(async (channel) => {
      for (const queue of [queueName(), `${queueName()}.dead`]) await channel.deleteQueue(queue);
    });
    await redis.del(await redis.keys(`{${name}}:*`));

    expect(await cli(['restore', backup], { env })).toMatchObject({ code: 0 });
    await startProducer(doorOnly);
    await startConsumer(doorOnly);
    await eventually(async () => expect((await latest()).newest.size).toBe(30), 200);
    expect((await latest()).rows).toHaveLength(30);
  });

  test('land once, whichever producer took them, twice and out of order; what is deleted is gone', async () => {
    const producers = [await startProducer(doorOnly), await startProducer(doorOnly)] as const;
    await startConsumer(doorOnly);
    const [one, other] = producers;
    const states = [
      { id: 'a', name: 'new', updatedAt: at(20) },
      { id: 'a', name: 'old', updatedAt: at(10) },
      { id: 'b', updatedAt: at(31), gone: true },
      { id: 'b', name: 'late', updatedAt: at(30) },
      { id: 'c', updatedAt: at(41), gone: true },
      { id: 'c', name: 'back', updatedAt: at(42) },
    ];
    for (const state of states) expect(await send(one, { events: [state] })).toBe(200);
    for (const state of states.toReversed()) expect(await send(other, { events: [state] })).toBe(200);
    const many = events(0, 200);
    const answers = await Promise.all(
      many.map((event, index) => send(producers[index % 2] ?? one, { events: [event, event] })),
    );
    expect(new Set(answers)).toEqual(new Set([200]));
    await eventually(async () => {
      const { rows, newest } = await latest();
      expect(newest.size).toBe(203);
      expect(rows.filter(({ key }) => key.startsWith('C-'))).toHaveLength(200);
      expect([newest.get('a')?.cells.name, newest.get('b')?.deleted, newest.get('c')?.cells.name]).toEqual([
        'new',
        true,
        'back',
      ]);
    }, 200);
    // What is settled has no copy any more.
    await eventually(async () => expect(await redis.hlen(`{${name}}:hook-copies`)).toBe(0), 200);
    expect(await redis.keys(`{${name}}:hook-copies:*`)).toEqual([]);
  });

  test('that RabbitMQ has confirmed and lost are published again from their copies, also those that another producer took', async () => {
    const [one, other] = [await startProducer(doorOnly), await startProducer(doorOnly)];
    expect(await send(one, { events: events(0, 60) })).toBe(200);
    expect(await send(other, { events: events(60, 100) })).toBe(200);
    // The producer that took them is gone.
    await other.stop(2_000);
    await onChannel((channel) => channel.purgeQueue(queueName()));
    await startConsumer(doorOnly);
    await eventually(async () => {
      const { rows, newest } = await latest();
      expect([newest.size, rows.length]).toEqual([100, 100]);
    }, 200);
    expect(await one.registry.metrics()).toMatch(/tributary_hook_republished_records_total\{.*\} [1-9]\d\d/);
    expect(await one.registry.metrics()).not.toMatch(/tributary_hook_lost_records_total\{/);
  });

  test('beside polls have one order of versions, and a paused endpoint asks to send later', async () => {
    const polled = { id: 'a', name: 'polled', updatedAt: at(20) };
    const api = await startRecordsApi(stage, { customers: [polled] });
    const both = `url: "${api.url}/customers", schedule: { every: 1h }, webhook: { sender: { type: github, secret: ${SECRET} } }`;
    const producer = await startProducer(both);
    await startConsumer(both);
    await eventually(async () => expect((await latest()).rows).toHaveLength(1), 200);
    expect(await send(producer, { id: 'a', name: 'older', updatedAt: at(10) })).toBe(200);
    expect(await send(producer, { id: 'a', name: 'newer', updatedAt: at(30) })).toBe(200);
    await eventually(async () => expect((await latest()).newest.get('a')?.cells.name).toBe('newer'), 200);
    expect((await latest()).rows.map(({ cells }) => cells.name)).not.toContain('older');
    const headers = { authorization: 'Bearer an-admin-token' };
    expect((await fetch(`${producer.url}/endpoints/crm/pause`, { method: 'POST', headers })).status).toBe(202);
    await eventually(async () => expect(await send(producer, { id: 'b', updatedAt: at(1) })).toBe(503), 100);
  });
});

type Channel = Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createChannel']>>;
