import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import {
  applyTopology,
  type ConfirmChannel,
  createLogger,
  DEAD_LETTER_HEADERS,
  KEPT_BODIES,
  type PipelineConfig,
  parsePipeline,
  systemClock,
  topologyOf,
} from '@tributary/shared';
import { type ChannelModel, connect } from 'amqplib';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import type { KeptBodies } from '../../consumer/src/dead-letters/kept-bodies.js';
import { folderBodies } from '../../consumer/src/sinks/csv/kept-bodies.js';
import { tableBodies } from '../../consumer/src/sinks/postgres/kept-bodies.js';
import { uniqueName } from '../services/handle.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const TOKEN = 'a-long-admin-token';

interface Letter {
  readonly id: string;
  readonly messageId: string;
}

describe.each(['csv', 'postgres'] as const)('bodies that are kept with the output (%s)', (sink) => {
  let name: string;
  let folder: string;
  let config: PipelineConfig;
  let bodies: KeptBodies;
  let connection: ChannelModel;
  let channel: ConfirmChannel;
  let dashboard: Dashboard;

  beforeEach(async () => {
    name = uniqueName('kept');
    folder = await mkdtemp(join(tmpdir(), 'kept-'));
    const file = `
name: ${name}
entities:
  customer: { dataset: customers, queue: ${name}_customer, key: id, fields: { id: string, age: integer } }
endpoints: { crm: { url: "http://127.0.0.1:1/customers", entity: customer } }
sink: { type: ${sink}, csv: { directory: ${JSON.stringify(folder)} }, postgres: { schema: ${name} } }
`;
    config = parsePipeline(file, {}, 'test.yaml');
    bodies = sink === 'csv' ? folderBodies(folder) : tableBodies(inject('postgresUrl'), name);
    connection = await connect(inject('amqpUrl'));
    channel = await connection.createConfirmChannel();
    await applyTopology(channel, topologyOf(config));
    dashboard = createDashboard({
      config,
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log,
      amqpUrl: inject('amqpUrl'),
      postgresUrl: inject('postgresUrl'),
      tokens: { admin: `anna=${TOKEN}` },
      auditLog: join(folder, 'audit.jsonl'),
    });
    await dashboard.start();
    await vi.waitFor(async () => expect(await letters()).toEqual([]), 30_000);
  });
  afterEach(async () => {
    await dashboard.stop();
    for (const queue of [`${name}_customer`, `${name}_customer.dead`]) await channel.deleteQueue(queue);
    for (const exchange of [name, `${name}.dead`]) await channel.deleteExchange(exchange);
    await connection.close();
    if (sink === 'postgres') await sql(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
    await rm(folder, { recursive: true });
  });

  async function sql(text: string): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: inject('postgresUrl') });
    await client.connect();
    return await client
      .query(text)
      .then(({ rows }) => rows)
      .finally(() => client.end());
  }

  /** The names of what is kept. */
  async function kept(): Promise<string[]> {
    if (sink === 'csv') return await readdir(join(folder, KEPT_BODIES.folder));
    return (await sql(`SELECT id FROM ${name}.${KEPT_BODIES.table}`)).map(({ id }) => String(id));
  }

  const queue = () => `${name}_customer`;
  const ofMessage = (messageId: string) => ({ queue: queue(), messageId });

  /** A letter as the consumer buries it when RabbitMQ does not take its body. @returns the body's name */
  async function bury(messageId: string, body: unknown, deadAt = '2026-01-05T11:00:00.000Z'): Promise<string> {
    const content = Buffer.from(JSON.stringify(body));
    const { id } = await bodies.keep(content, ofMessage(messageId));
    channel.publish(`${name}.dead`, queue(), Buffer.from(`kept as ${id}`), {
      persistent: true,
      messageId,
      type: 'customer',
      headers: {
        endpoint: 'crm',
        [DEAD_LETTER_HEADERS.code]: 'field_invalid',
        [DEAD_LETTER_HEADERS.queue]: queue(),
        [DEAD_LETTER_HEADERS.deadAt]: deadAt,
        [DEAD_LETTER_HEADERS.kept]: id,
        [DEAD_LETTER_HEADERS.keptBytes]: content.length,
      },
    });
    await channel.waitForConfirms();
    return id;
  }

  async function call<T>(path: string, body?: object): Promise<T> {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`${dashboard.url}/api/dead-letters${path}`, { ...init, headers });
    return (await response.json()) as T;
  }
  const letters = async () => (await call<{ letters: Letter[] }>('?refresh=1')).letters;
  const replayed = async () => {
    const message = await channel.get(queue(), { noAck: true });
    return message === false ? undefined : message.content.toString();
  };

  test('go when their letters were replayed; those of letters that stay, stay', async () => {
    const good = { id: 'a', age: 1 };
    await bury('m1', good);
    const bad = await bury('m2', { id: 'b', age: 'old' });
    const page = await call<{ prospect: unknown }>('?refresh=1');
    expect(page.prospect).toEqual({ passing: 0, unknown: 2, staying: 0, faults: [] });
    expect(await call('/replay', { match: {} })).toMatchObject({
      done: 1,
      stayed: 1,
      faults: [{ code: 'field_invalid', field: 'age', count: 1 }],
    });
    expect(JSON.parse((await replayed()) ?? '')).toEqual(good);
    expect(await kept()).toEqual([bad]);
    const [letter] = await letters();
    expect(await call(`/${letter?.id}/replay`, { payload: '{"id":"b","age":2}' })).toMatchObject({ done: 1 });
    expect(await kept()).toEqual([]);
  });

  test('go when their letters were discarded, and the audit log has them', async () => {
    await bury('m1', { id: 'a', age: 'much' });
    await bury('m2', { id: 'a', age: 'much' });
    expect(await kept()).toHaveLength(2);
    expect(await call('/discard', { match: {}, reason: 'a test' })).toMatchObject({ done: 2 });
    expect(await kept()).toEqual([]);
    const log = await readFile(join(folder, 'audit.jsonl'), 'utf8');
    const entries = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const discarded = entries.filter(({ step }) => step === 'letter');
    expect(discarded.map(({ body }) => body)).toEqual(Array(2).fill('{"id":"a","age":"much"}'));
    expect(entries.filter(({ step }) => step === 'kept')).toHaveLength(2);
  });

  test('go with letters that are older than retention keeps them, and the audit log has nothing of them', async () => {
    await bury('m1', { id: 'a', age: 'secret' });
    const young = await bury('m2', { id: 'b', age: 'much' }, new Date().toISOString());
    const keeping = createDashboard({
      config: { ...config, retention: { deadLetters: 30 * 86_400_000 } },
      port: 0,
      host: '127.0.0.1',
      instance: 'keeping',
      log,
      clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms === 60_000 ? 20 : ms, signal) },
      amqpUrl: inject('amqpUrl'),
      postgresUrl: inject('postgresUrl'),
      auditLog: join(folder, 'keeping', 'audit.jsonl'),
    });
    await keeping.start();
    await expect.poll(kept).toEqual([young]);
    await keeping.stop();
    expect((await letters()).map(({ messageId }) => messageId)).toEqual(['m2']);
    expect(await readFile(join(folder, 'keeping', 'audit.jsonl'), 'utf8')).not.toContain('secret');
  });

  test('stay while another letter needs them', async () => {
    // The consumer died after it had buried it, and buried it again.
    const id = await bury('m1', { id: 'a', age: 1 });
    expect(await bury('m1', { id: 'a', age: 1 }, '2026-01-05T12:00:00.000Z')).toBe(id);
    const [one, other] = await letters();
    expect(await call(`/${one?.id}/replay`, {})).toMatchObject({ done: 1 });
    expect(await kept()).toEqual([id]);
    expect(await call(`/${other?.id}/replay`, {})).toMatchObject({ done: 1 });
    expect(await kept()).toEqual([]);
    expect([await replayed(), await replayed()]).toEqual(Array(2).fill('{"id":"a","age":1}'));
  });

  test('are not shown, sent or removed for a letter that another program wrote with their names', async () => {
    const id = await bury('m1', { id: 'a', age: 'much', note: 'secret' });
    channel.publish(`${name}.dead`, queue(), Buffer.from('forged'), {
      persistent: true,
      messageId: 'm2',
      type: 'customer',
      headers: { [DEAD_LETTER_HEADERS.deadAt]: '2026-01-06T11:00:00.000Z', [DEAD_LETTER_HEADERS.kept]: id },
    });
    await channel.waitForConfirms();
    const forged = (await letters()).find(({ messageId }) => messageId === 'm2');
    expect(await call(`/${forged?.id}`)).toMatchObject({ payload: 'forged' });
    const foreign = `${KEPT_BODIES.folder}/${id} as its body, which is the body of another`;
    expect(await call(`/${forged?.id}/replay`, {})).toEqual({
      error: { code: 'kept_body_foreign', message: expect.stringContaining(foreign) },
    });
    expect(await call('/replay', { match: {} })).toMatchObject({ done: 0, stayed: 2 });
    expect(await replayed()).toBeUndefined();
    expect(await call(`/${forged?.id}/discard`, { reason: 'a test' })).toMatchObject({ done: 1 });
    expect(await kept()).toEqual([id]);
    expect(await readFile(join(folder, 'audit.jsonl'), 'utf8')).not.toContain('secret');
  });

  test('stay when the replay dies again at once, and its body is kept again', async () => {
    const body = { id: 'a', age: 1 };
    let deaths = 0;
    await channel.consume(queue(), (message) => {
      if (message === null) return;
      channel.ack(message);
      void bury('m1', body, new Date().toISOString()).then(() => {
        deaths += 1;
      });
    });
    const id = await bury('m1', body);
    for (let round = 1; round <= 5; round++) {
      const [letter] = await letters();
      expect(await call(`/${letter?.id}/replay`, {})).toMatchObject({ done: 1 });
      await vi.waitFor(() => expect(deaths).toBe(round), 30_000);
      await vi.waitFor(async () => expect(await letters()).toHaveLength(1), 30_000);
      expect(await kept()).toEqual([id]);
    }
  });
});
