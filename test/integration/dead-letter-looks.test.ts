import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { applyTopology, createLogger, DEAD_LETTER_HEADERS, parsePipeline, topologyOf } from '@tributary/shared';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { type PrivateRabbitMQ, startPrivateRabbitMQ } from '../services/rabbitmq.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const LETTERS = 30;
/** RabbitMQ drops a letter that was delivered more often than this. */
const LIMIT = 12;
const TIGHT = [0, 1, 2, 4];

let rabbit: PrivateRabbitMQ;
let connection: ChannelModel;
let channel: ConfirmChannel;
let folder: string;
let dashboard: Dashboard;
let name: string;

beforeAll(async () => {
  rabbit = await startPrivateRabbitMQ();
  await rabbit.ctl('set_policy', 'few', '^limited.*\\.dead$', `{"delivery-limit": ${LIMIT}}`, '--apply-to', 'queues');
  for (const limit of TIGHT) {
    const policy = `{"delivery-limit": ${limit}}`;
    await rabbit.ctl('set_policy', `tight${limit}`, `^tight${limit}.*\\.dead$`, policy, '--apply-to', 'queues');
  }
  connection = await connect(rabbit.url);
}, 120_000);
afterAll(async () => {
  await connection?.close();
  await rabbit?.stop();
});

beforeEach(async () => {
  channel = await connection.createConfirmChannel();
  folder = await mkdtemp(join(tmpdir(), 'looks-'));
});
afterEach(async () => {
  await dashboard.stop();
  await channel.close();
  await rm(folder, { recursive: true });
});

const dead = () => `${name}_customer.dead`;

/** Starts a dashboard over a queue with letters. */
async function begin(prefix: string, given?: Record<string, unknown>, status = 200): Promise<void> {
  name = uniqueName(prefix);
  const config = parsePipeline(
    `
name: ${name}
entities:
  customer: { dataset: customers, queue: ${name}_customer, key: id, fields: { id: string, age: integer } }
endpoints:
  crm: { url: "http://127.0.0.1:1/customers", entity: customer }
`,
    {},
    'test.yaml',
  );
  if (given === undefined) await applyTopology(channel, topologyOf(config));
  else await channel.assertQueue(dead(), { durable: true, arguments: given });
  for (let index = 0; index < LETTERS; index++) {
    channel.sendToQueue(dead(), Buffer.from(`{"id":"c-${index}","age":"old"}`), {
      persistent: true,
      messageId: `m-${String(index).padStart(3, '0')}`,
      type: 'customer',
      correlationId: 'kept as well',
      headers: {
        key: `c-${index}`,
        'x-first-death-reason': 'rejected',
        [DEAD_LETTER_HEADERS.code]: 'field_invalid',
        [DEAD_LETTER_HEADERS.deadAt]: new Date(Date.UTC(2026, 0, 5, 11) + index).toISOString(),
      },
    });
  }
  await channel.waitForConfirms();
  dashboard = createDashboard({
    config,
    port: 0,
    host: '127.0.0.1',
    instance: 'test',
    log,
    amqpUrl: rabbit.url,
    auditLog: join(folder, 'audit.jsonl'),
    tokens: { operator: 'operator-of-looks' },
  });
  await dashboard.start();
  await expect.poll(async () => (await fetch(`${dashboard.url}/api/dead-letters`)).status).toBe(status);
}

interface Page {
  readonly letters: readonly { readonly id: string; readonly key: string }[];
  readonly total: number;
}

async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(`${dashboard.url}/api/dead-letters${path}`, init);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

const list = () => ask<Page>('?refresh=1&limit=500');

/** All that lies there, by message id. */
async function left() {
  const found = [];
  for (;;) {
    const message = await channel.get(dead(), { noAck: true });
    if (message === false)
      return found.sort((a, b) => (String(a.properties.messageId) < String(b.properties.messageId) ? -1 : 1));
    found.push(message);
  }
}

async function expectAllThere(): Promise<void> {
  const found = await left();
  expect(found.map(({ properties }) => properties.messageId)).toEqual(
    Array.from({ length: LETTERS }, (_, index) => `m-${String(index).padStart(3, '0')}`),
  );
  expect(found[7]?.content.toString()).toBe('{"id":"c-7","age":"old"}');
  expect(found[7]?.properties).toMatchObject({ type: 'customer', correlationId: 'kept as well', deliveryMode: 2 });
  expect(found[7]?.properties.headers).toMatchObject({ key: 'c-7', 'x-first-death-reason': 'rejected' });
}

const LOOKS = 3 * LIMIT;

test.for([
  ['a policy', 'limited', undefined],
  ['an argument of the queue', 'given', { 'x-queue-type': 'quorum', 'x-delivery-limit': LIMIT }],
] as const)('looks cost no letters where %s limits deliveries', async ([, prefix, given]) => {
  await begin(prefix, given);
  for (let look = 0; look < LOOKS; look++) expect((await list()).total).toBe(LETTERS);
  await expectAllThere();
});

test.each(TIGHT.filter((limit) => limit > 0))(
  'looks cost no letters where a policy allows but %i returns',
  async (limit) => {
    await begin(`tight${limit}`);
    for (let look = 0; look < 3 * limit + 3; look++) expect((await list()).total).toBe(LETTERS);
    const { letters } = await list();
    for (const { id } of letters.slice(0, 4)) await ask(`/${id}`);
    await expectAllThere();
  },
);

test('no letter is touched where RabbitMQ drops each that is given back, and this is told', async () => {
  await begin('tight0', undefined, 503);
  const refusal = 'a delivery-limit of 0';
  await expect.poll(() => list().then(String, String)).toContain(refusal);
  for (let look = 0; look < 3; look++) await expect(list()).rejects.toThrow(refusal);
  const token = { authorization: 'Bearer operator-of-looks', 'content-type': 'application/json' };
  const replay = { method: 'POST', headers: token, body: JSON.stringify({ match: { search: 'c-3' } }) };
  await expect(ask('/replay', replay)).rejects.toThrow(refusal);
  await expectAllThere();
});

test('reading one letter again and again costs none', async () => {
  await begin('limited');
  const { letters } = await list();
  for (let look = 0; look < LOOKS; look++) {
    const { letter } = await ask<{ letter: { key: string } }>(`/${letters[look % LETTERS]?.id}`);
    expect(letter.key).toBe(letters[look % LETTERS]?.key);
  }
  await expectAllThere();
});

test('looks whose reader goes at once cost none', async () => {
  await begin('limited');
  for (let look = 0; look < LOOKS; look++) {
    await ask('?refresh=1', { signal: AbortSignal.timeout(1 + (look % 15)) }).catch(() => {});
  }
  expect((await list()).total).toBe(LETTERS);
  await expectAllThere();
});

test('another site cannot make a browser look', async () => {
  await begin('limited');
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'http://127.0.0.1:9' },
  ] satisfies Record<string, string>[]) {
    for (const path of ['?refresh=1', '/an-id']) {
      const { status } = await fetch(`${dashboard.url}/api/dead-letters${path}`, { headers });
      expect(status, JSON.stringify(headers)).toBe(403);
    }
  }
  await expectAllThere();
});

test('none is looked at any more while RabbitMQ takes no letters, and this is told', async () => {
  await begin('limited');
  await rabbit.ctl('set_vm_memory_high_watermark', 'absolute', '1MB');
  try {
    for (let look = 0; look < 4; look++) expect((await list()).total).toBe(LETTERS);
    await expect.poll(() => list().then(String, String)).toContain('takes no more letters');
    for (let look = 0; look < LOOKS; look++) await expect(list()).rejects.toThrow('503');
  } finally {
    await rabbit.ctl('set_vm_memory_high_watermark', '0.8');
  }
  // What RabbitMQ takes late may be there twice.
  await expect.poll(async () => (await channel.checkQueue(dead())).messageCount).toBeGreaterThanOrEqual(LETTERS);
  expect(new Set((await left()).map(({ properties }) => properties.messageId)).size).toBe(LETTERS);
});
