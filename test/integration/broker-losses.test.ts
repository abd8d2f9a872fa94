import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Consumer, createConsumer } from '@tributary/consumer';
import { createProducer, type Producer } from '@tributary/producer';
import { createLogger, parsePipeline } from '@tributary/shared';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { createPipeline } from 'tributary';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { eventually } from '../end-to-end/support/eventually.js';
import { readRows } from '../end-to-end/support/output.js';
import { type RecordsApi, startRecordsApi } from '../end-to-end/support/records-api.js';
import { useStage } from '../end-to-end/support/stage.js';
import { uniqueName } from '../services/handle.js';
import { type PrivateRabbitMQ, startPrivateRabbitMQ } from '../services/rabbitmq.js';

const log = createLogger({ service: 'test', instance: 'test', level: process.env.LOG ?? 'silent' });
const stage = useStage();

const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1_000).toISOString();
const records = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({ id: `C-${from + index}`, updatedAt: at(from + index) }));

/** What the broker confirmed and lost is polled again. The producer's first poll is done before; its next one asks for changes only. */
describe('records that RabbitMQ confirmed and lost', { timeout: 120_000 }, () => {
  let rabbit: PrivateRabbitMQ;
  let empty: string;
  let name: string;
  let folder: string;
  let api: RecordsApi;
  const running: (Consumer | Producer)[] = [];

  beforeAll(async () => {
    rabbit = await startPrivateRabbitMQ();
    empty = await mkdtemp(join(tmpdir(), 'empty-'));
    await rabbit.down();
    await cp(join(rabbit.folder, 'data'), empty, { recursive: true });
    await rabbit.up();
  });
  afterAll(async () => {
    await rabbit.stop();
    await rm(empty, { recursive: true });
  });
  beforeEach(async () => {
    name = uniqueName('loss');
    folder = await mkdtemp(join(tmpdir(), 'loss-'));
    api = await startRecordsApi(stage, { customers: records(0, 300) });
  });
  afterEach(async () => {
    for (const service of running.splice(0)) await service.stop(2_000);
    const redis = new Redis(inject('redisUrl'));
    const keys = await redis.keys(`*${name}*`);
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
    await rm(folder, { recursive: true });
  });

  const file = (sink: string) => `
name: ${name}
entities:
  customer: { dataset: customers, queue: ${name}_customer, key: id, version: updatedAt, fields: { id: string, updatedAt: datetime } }
endpoints:
  crm: { url: "${api.url}/customers", entity: customer, schedule: { every: 1s }, incremental: { parameter: since, overlap: 1s } }
batch: { size: 100, interval: 200ms }
sink: ${sink}
`;
  const csv = () => `{ csv: { directory: ${folder} } }`;
  const base = (sink: string) => ({
    config: parsePipeline(file(sink), {}, 'test.yaml'),
    amqpUrl: rabbit.url,
    redisUrl: inject('redisUrl'),
    instance: name,
    port: 0,
    host: '127.0.0.1',
    log,
  });
  async function startProducer(sink = csv()): Promise<Producer> {
    const producer = createProducer({ ...base(sink), schedule: true });
    running.push(producer);
    await producer.start();
    return producer;
  }
  async function startConsumer(sink = csv()): Promise<Consumer> {
    const consumer = createConsumer({ ...base(sink), postgresUrl: inject('postgresUrl') });
    running.push(consumer);
    await consumer.start();
    return consumer;
  }
  async function withChannel<T>(
    work: (channel: Awaited<ReturnType<typeof channelOf>>['channel']) => Promise<T>,
  ): Promise<T> {
    const { connection, channel } = await channelOf();
    try {
      return await work(channel);
    } finally {
      await connection.close();
    }
  }
  async function channelOf() {
    const connection = await connect(rabbit.url);
    connection.on('error', () => {});
    return { connection, channel: await connection.createChannel() };
  }
  const queue = () => `${name}_customer`;
  /** The records are confirmed, the cursor is saved, and a poll after that had nothing more. */
  const queued = async (producer: Producer, count: number) => {
    await eventually(() => expect(api.asked.filter((one) => one.includes('since=')).length).toBeGreaterThan(1));
    // In records: a message may be a pack of them.
    await eventually(async () => expect(await producer.unsettled()).toBeGreaterThan(count));
    await eventually(async () => {
      const { messageCount } = await withChannel((channel) => channel.checkQueue(queue()));
      expect(messageCount).toBeGreaterThan(0);
    });
  };
  const landed = (count: number) =>
    eventually(async () => {
      const rows = await readRows(folder, 'customers');
      expect([new Set(rows.map(({ key }) => key)).size, rows.length]).toEqual([count, count]);
    }, 200);
  const problems = async (producer: Producer): Promise<string> =>
    JSON.stringify(await (await fetch(`${producer.url}/readyz`)).json());
  test('because it came back empty, are polled again; both services run on', async () => {
    const producer = await startProducer();
    await queued(producer, 300);
    await rabbit.down();
    await rm(join(rabbit.folder, 'data'), { recursive: true });
    await cp(empty, join(rabbit.folder, 'data'), { recursive: true });
    // It is told until they are polled again, which may be soon.
    const told = new Set<string>();
    const looking = setInterval(() => void problems(producer).then((words) => told.add(words)), 50);
    await rabbit.up();
    await startConsumer();
    await landed(300);
    clearInterval(looking);
    expect([...told].join('\n')).toMatch(/has lost 3\d\d records of queue/);
    await eventually(async () => expect(await problems(producer)).not.toContain('has lost'));
    expect(await producer.registry.metrics()).toMatch(/tributary_lost_records_total\{.*\} 3\d\d/);
  });

  test('because a queue of 5,000 was deleted, are polled again by services that were stopped meanwhile', async () => {
    api.records.customers = records(0, 5_000);
    const first = await startProducer();
    await queued(first, 5_000);
    await first.stop();
    await withChannel((channel) => channel.deleteQueue(queue()));
    await startConsumer();
    await startProducer();
    await landed(5_000);
  });

  test('because an operator purged the queue, are polled again from where their run began, and told; in Postgres too', async () => {
    const sink = `{ type: postgres, postgres: { schema: ${name} } }`;
    const client = new Client({ connectionString: inject('postgresUrl') });
    await client.connect();
    try {
      const rows = async () =>
        (await client.query(`SELECT count(*)::int AS count FROM ${name}.customers`)).rows[0].count;
      const [consumer, producer] = [await startConsumer(sink), await startProducer(sink)];
      await eventually(async () => expect(await rows()).toBe(300));
      // A row is there a moment before its message is noted as settled.
      await eventually(async () => expect(await producer.unsettled()).toBe(0));
      await consumer.stop();
      api.records.customers = records(0, 400);
      await eventually(async () => expect(await producer.unsettled()).toBeGreaterThan(99));
      await eventually(async () => expect((await fetchMark(producer)) ?? '').toBe(at(399)));
      await withChannel((channel) => channel.purgeQueue(queue()));
      const asked = api.asked.length;
      await startConsumer(sink);
      await eventually(async () => expect(await rows()).toBe(400));
      expect(await producer.registry.metrics()).toMatch(/tributary_lost_records_total\{.*\} \d+/);
      // Not everything: what had landed before was settled.
      expect(api.asked.slice(asked).every((one) => one.includes('since='))).toBe(true);
    } finally {
      await client.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
      await client.end();
    }
  });

  test('are none while all is well: nothing is polled again, also when a consumer stops and another goes on', async () => {
    const [producer, consumer] = [await startProducer(), await startConsumer()];
    await landed(300);
    await consumer.stop();
    api.records.customers = records(0, 350);
    await startConsumer();
    await landed(350);
    const redis = new Redis(inject('redisUrl'));
    await eventually(async () => expect(await redis.hlen(`{${name}}:publications`)).toBeLessThan(3));
    redis.disconnect();
    expect(await producer.registry.metrics()).not.toMatch(/tributary_lost_records_total\{/);
    expect(api.asked.filter((one) => !one.includes('since='))).toHaveLength(1);
  });

  test('in a single round end it as a failure, and the next round brings them', async () => {
    api.records.customers = records(0, 5_000);
    const path = join(folder, 'pipeline.yaml');
    // Each record alone: packs of so few records are all taken by the consumer at once, and the queue has nothing to lose.
    await writeFile(path, `${file(`{ csv: { directory: ${join(folder, 'rows')} } }`)}pack: { records: 1 }\n`);
    const env = { AMQP_URL: rabbit.url, REDIS_URL: inject('redisUrl') };
    const round = async () => {
      const pipeline = createPipeline({ config: path, env, schedule: false, logger: () => log });
      await pipeline.start();
      try {
        return await pipeline.once();
      } finally {
        await pipeline.stop();
      }
    };
    const purged = withChannel(async (channel) => {
      for (let count = 0; count === 0; ) {
        // Before the first round there is no queue, which closes the channel.
        count = await withChannel((other) => other.purgeQueue(queue())).then(
          (one) => one.messageCount,
          () => 0,
        );
      }
      await channel.checkQueue(queue());
    });
    await expect(round()).rejects.toThrow(/has lost \d+ records? of queue .*; run it again/);
    await purged;
    await round();
    const rows = await readRows(join(folder, 'rows'), 'customers');
    expect([new Set(rows.map(({ key }) => key)).size, rows.length]).toEqual([5_000, 5_000]);
  });

  test('leave a letter again if they can never be written: the dead letters were lost as well', async () => {
    const letters = () =>
      withChannel((channel) => channel.checkQueue(`${queue()}.dead`)).then((one) => one.messageCount);
    const sendBad = (body: string) =>
      withChannel(async (channel) => {
        channel.sendToQueue(queue(), Buffer.from(body), { persistent: true });
        // An answer on this channel: the message has arrived.
        await channel.checkQueue(queue());
      });
    const consumer = await startConsumer();
    await eventually(() => expect(consumer.problems()).toEqual([]), 200);
    for (const body of ['[]', '{}']) await sendBad(body);
    await eventually(async () => expect(await letters()).toBe(2));
    // The same record again has no second letter.
    await sendBad('[]');
    await sendBad('"a third"');
    await eventually(async () => expect(await letters()).toBe(3));
    // A purge by an operator, or a policy, is told to no consumer.
    await withChannel((channel) => channel.purgeQueue(`${queue()}.dead`));
    for (const body of ['[]', '{}']) await sendBad(body);
    await eventually(async () => expect(await letters()).toBe(2));
    await rabbit.down();
    await rm(join(rabbit.folder, 'data'), { recursive: true });
    await cp(empty, join(rabbit.folder, 'data'), { recursive: true });
    await rabbit.up();
    await eventually(async () => expect(await letters()).toBe(0), 200);
    await eventually(() => expect(consumer.problems()).toEqual([]), 200);
    for (const body of ['"a new one"', '[]', '{}']) await sendBad(body);
    await eventually(async () => expect(await letters()).toBe(3), 200);
  });

  const fetchMark = async (producer: Producer): Promise<string | null> => {
    const response = await fetch(`${producer.url}/endpoints/crm/status`);
    return ((await response.json()) as { cursor: string | null }).cursor;
  };
});
