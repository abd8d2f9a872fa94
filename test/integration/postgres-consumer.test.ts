import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  applyTopology,
  createLogger,
  DEAD_LETTER_HEADERS,
  type PipelineConfig,
  publishOptions,
  REPLAY_HEADER,
  topologyOf,
} from '@tributary/shared';
import { type ConfirmChannel, connect, type GetMessage } from 'amqplib';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { type Consumer, createConsumer } from '../../consumer/src/service.js';
import { type PrivateService, uniqueName } from '../services/handle.js';
import { startPrivatePostgres } from '../services/postgres.js';
import { audit, postgresRows } from '../src/index.js';
import { samplePipeline, truthOf } from './audit-sample.js';
import { removeTopology } from './remove-topology.js';

const log = createLogger({ service: 'consumer', instance: 'test', level: process.env.LOG_LEVEL ?? 'silent' });

const SOON = { interval: 100 };

describe('a consumer onto Postgres', () => {
  let server: PrivateService;
  let config: PipelineConfig;
  let channel: ConfirmChannel;
  let consumer: Consumer;
  let messages: number;
  beforeAll(async () => {
    server = await startPrivatePostgres();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    messages = 0;
    const directory = mkdtempSync(join(tmpdir(), 'tributary-postgres-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    config = onPostgres(samplePipeline(directory), uniqueName('postgres'));
    const connection = await connect(inject('amqpUrl'));
    onTestFinished(() => connection.close());
    channel = await connection.createConfirmChannel();
    await applyTopology(channel, topologyOf(config));
    onTestFinished(() => removeTopology(channel, config));
    const urls = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl'), postgresUrl: server.url };
    consumer = createConsumer({ config, ...urls, log, instance: uniqueName('test'), port: 0, host: '127.0.0.1' });
    onTestFinished(() => consumer.stop());
    await consumer.start();
    await vi.waitFor(() => expect(consumer.problems()).toEqual([]), 30_000);
  });

  const query = async <Row>(text: string): Promise<Row[]> => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    try {
      await client.query(`SET search_path TO ${config.name}`);
      return (await client.query(text)).rows as Row[];
    } finally {
      await client.end();
    }
  };
  const updatedAt = '2026-01-01T00:00:00.000Z';
  const customer = (id: string, name = `name of ${id}`) => ({
    id,
    name,
    lines: [{ sku: 'S1', quantity: 1 }],
    updatedAt,
  });
  const item = (sku: string, price = 2.5) => ({ sku, price, stock: 1, updatedAt });
  const publish = async (entity: 'customer' | 'item', records: readonly object[]) => {
    for (const record of records) {
      const messageId = `m${String(++messages).padStart(8, '0')}`;
      const envelope = { messageId, endpoint: 'test', entity, key: undefined, version: '', run: 1 };
      const options = publishOptions({ ...envelope, fetchedAt: new Date().toISOString(), traceparent: '' });
      channel.publish(config.name, entity, Buffer.from(JSON.stringify(record)), options);
    }
    await channel.waitForConfirms();
  };
  const keys = async (dataset: string) =>
    (await query<{ _key: string }>(`SELECT _key FROM ${dataset} ORDER BY _key`)).map(({ _key }) => _key);
  const settled = () => vi.waitFor(() => expect(consumer.unsettled()).toBe(0), SOON);
  const letters = async (entity: string) => {
    const found: GetMessage[] = [];
    for (;;) {
      const message = await channel.get(`${config.name}.${entity}.dead`, { noAck: true });
      if (message === false) return found;
      found.push(message);
    }
  };
  const reasonOf = ({ properties }: GetMessage) => String(properties.headers?.[DEAD_LETTER_HEADERS.reason]);
  const replay = async (entity: string, dead: readonly GetMessage[]) => {
    for (const { content, properties } of dead) {
      const headers = { ...properties.headers, [REPLAY_HEADER]: 1 };
      channel.publish(config.name, entity, content, { ...properties, headers });
    }
    await channel.waitForConfirms();
  };
  const expectClean = async (truth: { customer: object[]; item: object[] }) => {
    const sink = await postgresRows(config.sink.postgres, server.url);
    const report = await audit({ config, truth: truthOf(truth), sink });
    await sink.close();
    expect(report.findings).toEqual([]);
    expect(report.audit.orders).toMatchObject({ missing: 0, duplicated: 0, wrongMerge: 0 });
  };

  test('buries what the tables refuse, lands all else, and lands it when the cause is gone and the letters are replayed', async () => {
    await query('CREATE UNIQUE INDEX one_name ON customers (name)');
    await query('CREATE INDEX ON items (price) WHERE 1 / (price - 13)::integer > 0');
    await query("ALTER TABLE orders ADD CONSTRAINT not_c5 CHECK (_key <> 'C5/S1')");
    const customers = Array.from({ length: 200 }, (_, number) => customer(`C${number}`));
    const twin = customer('C999', 'name of C7');
    await publish('item', [item('S1'), item('S2', 13), item('S3')]);
    await publish('customer', [...customers, twin]);
    await vi.waitFor(async () => expect((await keys('customers')).length).toBe(199), SOON);
    await settled();
    expect(consumer.problems()).toEqual([]);
    expect(await keys('items')).toEqual(['S1', 'S3']);

    const dead = await letters('customer');
    // Of two customers with one name, the one that came first stays.
    expect(dead.map((letter) => JSON.parse(letter.content.toString()).id).sort()).toEqual(['C5', 'C999']);
    const reasons = dead.map(reasonOf).sort().join('\n');
    expect(reasons).toMatch(
      /customer C5: merged row C5\/S1: Postgres refuses its row in orders: .*constraint "not_c5"/,
    );
    expect(reasons).toMatch(/customer C999: Postgres refuses its row in customers: .*Key \(name\)=\(name of C7\)/);
    const deadItems = await letters('item');
    expect(deadItems.map(reasonOf).join()).toMatch(/item S2: Postgres refuses its row in items: division by zero/);
    const metrics = await consumer.registry.metrics();
    expect(metrics).toMatch(/^tributary_dead_letters_total\{[^}]*entity="customer"[^}]*\} 2$/m);
    expect(metrics).toMatch(/^tributary_dead_letters_total\{[^}]*code="row_refused"/m);

    await query('DROP INDEX one_name; ALTER TABLE orders DROP CONSTRAINT not_c5; DROP INDEX items_price_idx');
    await replay('customer', dead);
    await replay('item', deadItems);
    await vi.waitFor(async () => expect((await keys('customers')).length).toBe(201), SOON);
    await vi.waitFor(async () => expect(await keys('items')).toEqual(['S1', 'S2', 'S3']), SOON);
    await settled();
    await expectClean({ customer: [...customers, twin], item: [item('S1'), item('S2', 13), item('S3')] });
    expect(await letters('customer')).toEqual([]);
  });

  test('says within seconds that a table is locked, keeps few connections, and lands all of it when the lock is gone', async () => {
    const locker = new Client({ connectionString: server.url });
    await locker.connect();
    onTestFinished(() => locker.end());
    await locker.query(`BEGIN; LOCK TABLE ${config.name}.customers`);
    await publish('item', [item('S1')]);
    await publish('customer', [customer('C1'), customer('C2')]);
    await vi.waitFor(() => {
      expect(consumer.problems().join()).toMatch(
        /customers cannot be written: .*lock timeout.*another session has locked/,
      );
    }, SOON);
    const [found] = await query<{ count: number }>(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name LIKE 'tributary%'",
    );
    expect(found?.count).toBeLessThanOrEqual(8);
    // The other datasets are not held up.
    expect(await keys('items')).toEqual(['S1']);
    await locker.query('COMMIT');
    await vi.waitFor(async () => expect(await keys('customers')).toEqual(['C1', 'C2']), SOON);
    await vi.waitFor(() => expect(consumer.problems()).toEqual([]), SOON);
    await expectClean({ customer: [customer('C1'), customer('C2')], item: [item('S1')] });
  });

  test('says within seconds that the server is suspended, or away, also while nothing is written, and takes that back', async () => {
    server.pause();
    try {
      await vi.waitFor(() => expect(consumer.problems().join()).toMatch(/the sink does not answer/), SOON);
    } finally {
      server.resume();
    }
    await vi.waitFor(() => expect(consumer.problems()).toEqual([]), SOON);
    await server.down();
    await vi.waitFor(() => expect(consumer.problems().join()).toMatch(/ECONNREFUSED.*is it running/), SOON);
    await server.up();
    await vi.waitFor(() => expect(consumer.problems()).toEqual([]), SOON);
    await publish('item', [item('S1')]);
    await vi.waitFor(async () => expect(await keys('items')).toEqual(['S1']), SOON);
  });
});

/** With names of its own for whatever a server holds. */
function onPostgres(config: PipelineConfig, name: string): PipelineConfig {
  const entities = Object.entries(config.entities).map(([entity, of]) => [
    entity,
    { ...of, queue: `${name}.${entity}` },
  ]);
  const postgres = { ...config.sink.postgres, schema: name, history: true };
  return {
    ...config,
    name,
    entities: Object.fromEntries(entities),
    batch: { size: 10, interval: 200 },
    sink: { ...config.sink, type: 'postgres', postgres },
  };
}
