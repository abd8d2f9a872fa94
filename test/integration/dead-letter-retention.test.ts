import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import {
  applyTopology,
  type Clock,
  type ConfirmChannel,
  createLogger,
  DEAD_LETTER_HEADERS,
  type PipelineConfig,
  parsePipeline,
  systemClock,
  topologyOf,
} from '@tributary/shared';
import { type ChannelModel, connect } from 'amqplib';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { removeTopology } from './remove-topology.js';

const DAY = 86_400_000;

/** Looks at once, and tries again at once. */
const hasty: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  sleep: (ms, signal) => systemClock.sleep(ms === 60_000 ? 20 : ms, signal),
};

describe('dead letters that are kept for thirty days', () => {
  let folder: string;
  let config: PipelineConfig;
  let connection: ChannelModel;
  let channel: ConfirmChannel;
  let logs: string[];
  const running: Dashboard[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'letter-retention-'));
    logs = [];
    const name = uniqueName('kept');
    const text = `
name: ${name}
retention: { deadLetters: 30d }
entities:
  customer: { dataset: customers, queue: ${name}_customer, key: id, fields: { id: string, age: integer } }
  item: { dataset: items, queue: ${name}_item, key: sku, fields: { sku: string } }
endpoints:
  crm: { url: "http://127.0.0.1:1/customers", entity: customer }
`;
    config = parsePipeline(text, {}, 'test.yaml');
    connection = await connect(inject('amqpUrl'));
    channel = await connection.createConfirmChannel();
    await applyTopology(channel, topologyOf(config));
  });
  afterEach(async () => {
    for (const started of running.splice(0)) await started.stop();
    await removeTopology(channel, config);
    await connection.close();
    await rm(folder, { recursive: true });
  });

  async function dashboard(): Promise<Dashboard> {
    const write = (line: string) => void logs.push(line);
    const started = createDashboard({
      config,
      port: 0,
      host: '127.0.0.1',
      instance: `test-${running.length}`,
      log: createLogger({ service: 'dashboard', instance: 'test' }, { write }),
      clock: hasty,
      amqpUrl: inject('amqpUrl'),
      redisUrl: inject('redisUrl'),
      auditLog: join(folder, 'audit.jsonl'),
    });
    running.push(started);
    await started.start();
    return started;
  }

  interface Burial {
    readonly entity?: 'customer' | 'item';
    readonly daysAgo?: number;
    readonly headers?: Record<string, unknown>;
  }

  async function bury(key: string, { entity = 'customer', daysAgo, headers = {} }: Burial): Promise<void> {
    const deadAt = daysAgo === undefined ? {} : { [DEAD_LETTER_HEADERS.deadAt]: timeAgo(daysAgo) };
    const body = Buffer.from(JSON.stringify({ id: key, age: 'old' }));
    const options = { persistent: true, messageId: key, type: entity, headers: { key, ...deadAt, ...headers } };
    channel.publish(`${config.name}.dead`, `${config.name}_${entity}`, body, options);
    await channel.waitForConfirms();
  }
  const timeAgo = (days: number) => new Date(Date.now() - days * DAY).toISOString();
  const deaths = (days: number) => [
    {
      queue: 'q',
      reason: 'delivery_limit',
      time: { '!': 'timestamp', value: Math.floor((Date.now() - days * DAY) / 1_000) },
    },
  ];

  async function metric(of: Dashboard, name: string): Promise<number | undefined> {
    const found = new RegExp(`^${name}\\{queue="${config.name}_customer".*\\} (\\d+)$`, 'm');
    const value = found.exec(await (await fetch(`${of.url}/metrics`)).text())?.[1];
    return value === undefined ? undefined : Number(value);
  }
  const audited = async () => {
    const text = await readFile(join(folder, 'audit.jsonl'), 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  /** The message ids that lie there. */
  async function lying(entity = 'customer'): Promise<string[]> {
    const found: string[] = [];
    const looking = await connection.createChannel();
    for (;;) {
      const message = await looking.get(`${config.name}_${entity}.dead`);
      if (message === false) break;
      found.push(String(message.properties.messageId));
    }
    await looking.close();
    return found.sort();
  }

  test('go by the time of their burial; what does not say it stays and is told; the audit log has none of what they held', async () => {
    await bury('old-secret', { daysAgo: 31 });
    await bury('very-old', { daysAgo: 400 });
    await bury('young', { daysAgo: 29 });
    await bury('of-another', { entity: 'item', daysAgo: 60 });
    await bury('by-rabbitmq', { headers: { 'x-death': deaths(40) } });
    await bury('by-rabbitmq-now', { daysAgo: 50, headers: { 'x-death': deaths(2) } });
    await bury('no-date', {});
    await bury('not-a-date', { headers: { [DEAD_LETTER_HEADERS.deadAt]: 'yesterday' } });
    await bury('to-come', { daysAgo: -400 });
    const one = await dashboard();
    await expect.poll(() => metric(one, 'tributary_dead_letters_undated')).toBe(3);
    expect(await metric(one, 'tributary_dead_letters_expired_total')).toBe(3);
    expect(await lying()).toEqual(['by-rabbitmq-now', 'no-date', 'not-a-date', 'to-come', 'young']);
    expect(await lying('item')).toEqual([]);
    const entries = await audited();
    expect(entries.map(({ who, role, action, step }) => [who, role, action, step])).toEqual([
      ['retention', 'system', 'discard', 'begun'],
      ['retention', 'system', 'discard', 'done'],
    ]);
    expect(entries[1]).toMatchObject({
      done: 4,
      queues: { [`${config.name}_customer`]: 3, [`${config.name}_item`]: 1 },
    });
    expect(JSON.stringify(entries) + logs.join('')).not.toContain('secret');
    expect(logs.find((line) => line.includes('do not say when they were buried'))).toContain('"count":3');
  });

  test('go by one dashboard of several, once a day, and nothing is audited where none is too old', async () => {
    await bury('old', { daysAgo: 31 });
    const both = [await dashboard(), await dashboard()];
    const expired = () =>
      Promise.all(both.map((one) => metric(one, 'tributary_dead_letters_expired_total'))).then((counts) =>
        counts.filter((count) => count !== undefined),
      );
    // Whoever looks into the queue meanwhile holds the letter, and the dashboard finds none.
    await expect.poll(expired).toEqual([1]);
    expect(await lying()).toEqual([]);
    await bury('late', { daysAgo: 31 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await lying()).toEqual(['late']);
    expect(await expired()).toEqual([1]);
    expect((await audited()).filter(({ step }) => step === 'begun')).toHaveLength(1);
  });

  test('stay while that cannot be written to the audit log', async () => {
    await bury('old', { daysAgo: 31 });
    await mkdir(join(folder, 'audit.jsonl'));
    await dashboard();
    await expect.poll(() => logs.join('')).toContain('old dead letters could not be removed');
    expect(await lying()).toEqual(['old']);
  });
});
