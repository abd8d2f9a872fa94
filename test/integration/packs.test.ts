import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Consumer, createConsumer } from '@tributary/consumer';
import { createLogger, packBodies, parsePipeline } from '@tributary/shared';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { eventually } from '../end-to-end/support/eventually.js';
import { readRows } from '../end-to-end/support/output.js';
import { uniqueName } from '../services/handle.js';

const log = createLogger({ service: 'test', instance: 'test', level: process.env.LOG ?? 'silent' });

/** Other programs send packs and single records in turns; the consumer consumes anew each time that another prefetch fits. */
describe('packs in RabbitMQ', { timeout: 120_000 }, () => {
  const name = uniqueName('packs');
  const queue = `${name}_customer`;
  let folder: string;
  let connection: ChannelModel;
  let channel: ConfirmChannel;
  let consumer: Consumer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'packs-'));
    connection = await connect(inject('amqpUrl'));
    channel = await connection.createConfirmChannel();
    const config = parsePipeline(
      `
name: ${name}
entities:
  customer: { dataset: customers, queue: ${queue}, key: id, fields: { id: string } }
endpoints:
  crm: { url: "http://127.0.0.1:1/customers", entity: customer, schedule: { every: 1h } }
batch: { size: 40, interval: 200ms }
sink: { csv: { directory: ${folder} } }
`,
      {},
      'test.yaml',
    );
    consumer = createConsumer({
      config,
      amqpUrl: inject('amqpUrl'),
      redisUrl: inject('redisUrl'),
      instance: name,
      port: 0,
      host: '127.0.0.1',
      log,
    });
    await consumer.start();
    await eventually(() => expect(consumer.problems()).toEqual([]), 200);
  });
  afterAll(async () => {
    await consumer?.stop(5_000);
    for (const one of [queue, `${queue}.dead`]) await channel?.deleteQueue(one);
    await connection?.close();
    const redis = new Redis(inject('redisUrl'));
    const keys = await redis.keys(`*${name}*`);
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
    await rm(folder, { recursive: true });
  });

  let sent = 0;
  const send = (records: number) => {
    const bodies = Array.from({ length: records }, () => Buffer.from(JSON.stringify({ id: `C-${sent++}` })));
    const contentType = records === 1 ? 'application/json' : 'application/x-ndjson';
    channel.publish(name, 'customer', packBodies(bodies), { persistent: true, contentType });
  };
  const landed = () =>
    eventually(async () => {
      const rows = await readRows(folder, 'customers');
      expect([new Set(rows.map(({ key }) => key)).size, rows.length]).toEqual([sent, sent]);
    }, 400);

  test('and single records in turns land once each, while the consumer takes fewer messages at a time, and then more again', async () => {
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 100; n++) send(40);
      for (let n = 0; n < 1_200; n++) send(1);
    }
    await channel.waitForConfirms();
    await landed();
    // One that changes its prefetch is there twice for a moment.
    await eventually(async () =>
      expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: 0, consumerCount: 1 }),
    );
    expect(consumer.problems()).toEqual([]);
    // One session has done it all: the broker gave nothing out under a tag that was over.
    expect(await consumer.registry.metrics()).toMatch(
      /tributary_sessions_total\{after="start",service="consumer"\} 1\n/,
    );
    expect(await consumer.registry.metrics()).not.toMatch(/tributary_sessions_total\{after="(channel|consumer)/);
  });
});
