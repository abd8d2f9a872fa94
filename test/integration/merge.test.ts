import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { applyTopology, createLogger, type PipelineConfig, publishOptions, topologyOf } from '@tributary/shared';
import { type ConfirmChannel, connect } from 'amqplib';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { type Consumer, createConsumer } from '../../consumer/src/service.js';
import { uniqueName } from '../services/handle.js';
import { type PrivateRedis, startPrivateRedis } from '../services/redis.js';
import { audit, csvRows, postgresRows } from '../src/index.js';
import { samplePipeline, truthOf } from './audit-sample.js';
import { removeTopology } from './remove-topology.js';

const log = createLogger({ service: 'consumer', instance: 'test', level: process.env.LOG_LEVEL ?? 'silent' });

const CUSTOMERS = 40;
const ITEMS = 12;
const CHANGES = 1_500;

/** The latest state of each record that was published. */
class Records {
  readonly customers = new Map<string, object>();
  readonly items = new Map<string, object>();
  #second = 0;
  #message = 0;

  /** A new record, or a change or the deletion of one, as an API with versions has them; sometimes only what the merge does not show. */
  next(): { readonly entity: 'customer' | 'item'; readonly record: object; readonly messageId: string } {
    const updatedAt = new Date(Date.UTC(2026, 0, 1) + ++this.#second * 1_000).toISOString();
    const messageId = `m${String(++this.#message).padStart(8, '0')}`;
    if (randomInt(3) === 0) {
      const sku = `S${randomInt(ITEMS)}`;
      const record = { sku, price: randomInt(3) + 0.5, stock: randomInt(3), updatedAt };
      return { entity: 'item', record: this.#settle(this.items, sku, record, { sku, updatedAt }), messageId };
    }
    const id = `C/${randomInt(CUSTOMERS)}`;
    const lines = Array.from({ length: randomInt(4) }, () => ({
      sku: `S${randomInt(ITEMS)}`,
      quantity: 1 + randomInt(2),
    }));
    const record = { id, name: `name ${randomInt(2)}`, lines, updatedAt };
    return { entity: 'customer', record: this.#settle(this.customers, id, record, { id, updatedAt }), messageId };
  }

  /** Notes the record, or that it is deleted: its message then holds its key and version alone, or all of its fields. */
  #settle(records: Map<string, object>, key: string, record: object, bare: object): object {
    if (randomInt(5) !== 0) {
      records.set(key, record);
      return record;
    }
    records.delete(key);
    return { ...(randomInt(2) === 0 ? record : bare), _deleted: true };
  }

  get truth() {
    return truthOf({ customer: [...this.customers.values()], item: [...this.items.values()] });
  }
}

describe('three consumers, with both sides of the merge changing at once,', () => {
  let config: PipelineConfig;
  let redis: PrivateRedis;
  let channel: ConfirmChannel;
  let records: Records;
  let consumers: Consumer[];
  beforeEach(async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tributary-merge-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    config = renamed(samplePipeline(directory), uniqueName('merge'));
    redis = await startPrivateRedis({}, () => {});
    onTestFinished(() => redis.stop());
    const connection = await connect(inject('amqpUrl'));
    onTestFinished(() => connection.close());
    channel = await connection.createConfirmChannel();
    await applyTopology(channel, topologyOf(config));
    onTestFinished(() => removeTopology(channel, config));
    records = new Records();
    consumers = [];
  });
  afterEach(async () => {
    for (const consumer of consumers) await consumer.stop();
  });
  const startConsumers = async () => {
    for (const name of ['one', 'two', 'three']) {
      const options = {
        config,
        amqpUrl: inject('amqpUrl'),
        redisUrl: redis.url,
        postgresUrl: inject('postgresUrl'),
        log,
      };
      const consumer = createConsumer({ ...options, instance: name, port: 0, host: '127.0.0.1' });
      consumers.push(consumer);
      await consumer.start();
    }
  };
  const publish = (count: number) => {
    for (let n = 0; n < count; n++) {
      const { entity, record, messageId } = records.next();
      const envelope = { messageId, endpoint: 'test', entity, key: undefined, version: '', run: 1 };
      const options = publishOptions({ ...envelope, fetchedAt: new Date().toISOString(), traceparent: '' });
      channel.publish(config.name, entity, Buffer.from(JSON.stringify(record)), options);
    }
    return channel.waitForConfirms();
  };
  const publishInRounds = async (after: (round: number) => Promise<unknown>) => {
    for (let round = 0; round < 10; round++) {
      await publish(CHANGES / 10);
      await after(round);
    }
  };
  const drained = () =>
    vi.waitFor(
      async () => {
        for (const { queue } of topologyOf(config).queues) {
          expect((await channel.checkQueue(queue)).messageCount).toBe(0);
        }
        expect(consumers.map((consumer) => consumer.unsettled())).toEqual([0, 0, 0]);
        expect(consumers.flatMap((consumer) => consumer.problems())).toEqual([]);
      },
      { timeout: 45_000, interval: 100 },
    );
  const clean = {
    missing: 0,
    duplicated: 0,
    torn: 0,
    stale: 0,
    wrongHash: 0,
    wrongMerge: 0,
  };
  const expectClean = async () => {
    const sink =
      config.sink.type === 'csv'
        ? csvRows(config.sink.csv, false)
        : await postgresRows(config.sink.postgres, inject('postgresUrl'));
    onTestFinished(() => sink.close());
    const report = await audit({ config, truth: records.truth, sink });
    expect(report.findings).toEqual([]);
    expect(report.audit.customers).toMatchObject({ ...clean, expected: records.customers.size });
    expect(report.audit.items).toMatchObject({ ...clean, expected: records.items.size });
    expect(report.audit.orders).toMatchObject(clean);
  };

  test('leave in CSV just the join of the final sides, and a tombstone for every line or side that is gone', async () => {
    await startConsumers();
    await publishInRounds(() => sleep(randomInt(50)));
    await drained();
    await expectClean();
  });

  test('leave the same in Postgres', async () => {
    const schema = config.name;
    config = { ...config, sink: { ...config.sink, type: 'postgres', postgres: { ...config.sink.postgres, schema } } };
    onTestFinished(async () => {
      const client = new Client({ connectionString: inject('postgresUrl') });
      await client.connect();
      await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      await client.end();
    });
    await startConsumers();
    await publishInRounds(() => sleep(randomInt(50)));
    await drained();
    await expectClean();
  });

  test('leave the same when everything in Redis is lost in the middle, twice', async () => {
    await startConsumers();
    await publishInRounds(async (round) => {
      if (round === 3) await redis.flush();
      if (round === 6) await redis.kill();
    });
    await drained();
    await expectClean();
  });
});

/** Names of its own for whatever a server holds. */
function renamed(config: PipelineConfig, name: string): PipelineConfig {
  const entities = Object.entries(config.entities).map(([entity, of]) => [
    entity,
    { ...of, queue: `${name}.${entity}` },
  ]);
  return { ...config, name, entities: Object.fromEntries(entities), batch: { size: 10, interval: 200 } };
}
