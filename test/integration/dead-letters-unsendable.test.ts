import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyLetters, eraseLettersOfRecord, putLettersBack, runDeadLetterCommand } from '@tributary/dashboard';
import { applyTopology, createLogger, parsePipeline, topologyOf } from '@tributary/shared';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PrivateRabbitMQ, startPrivateRabbitMQ } from '../services/rabbitmq.js';
import { entry, long, nested, rawPublish, u64 } from './raw-amqp.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const LIMIT = 12;
const config = parsePipeline(
  `
name: unsendable
entities:
  customer: { dataset: customers, queue: unsendable_customer, key: id, fields: { id: string, age: integer } }
endpoints:
  crm: { url: "http://127.0.0.1:1/customers", entity: customer }
`,
  {},
  'test.yaml',
);
const DEAD = 'unsendable_customer.dead';

const double = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
};
const text = (value: string) => long(Buffer.from(value));
const yes = Buffer.from('t\u0001');

/** What other programs can send, and amqplib cannot send again. */
const KINDS: Readonly<Record<string, Buffer>> = {
  'a header of 100 KB': entry('odd', 'S', text('h'.repeat(100_000))),
  'many headers': Buffer.concat(
    Array.from({ length: 700 }, (_, index) => entry(`odd${index}`, 'S', text('v'.repeat(100)))),
  ),
  'a double beyond the integers': entry('odd', 'd', double(-1e300)),
  'a time beyond the last': entry('odd', 'T', u64(2n ** 64n - 1n)),
  'a table that looks like a type': entry('odd', 'F', long(entry('!', 'S', text('nonsense')))),
  'a deep nest': entry('odd', ...nested(200, () => 'A', yes)),
  'lists that no stack can hold': entry('odd', ...nested(5_000, () => 'A', yes)),
  'tables that no stack can hold': entry('odd', ...nested(9_000, () => 'F', yes)),
  'a name that is no UTF-8': entry(Buffer.alloc(255, 0xff), 'S', text('odd')),
};
const KEYS = Object.keys(KINDS);
const OTHERS = 5;

let rabbit: PrivateRabbitMQ;
let connection: ChannelModel;
let channel: ConfirmChannel;
let folder: string;

beforeAll(async () => {
  rabbit = await startPrivateRabbitMQ();
  await rabbit.ctl('set_policy', 'few', '.*\\.dead$', `{"delivery-limit": ${LIMIT}}`, '--apply-to', 'queues');
  connection = await connect(rabbit.url);
  channel = await connection.createConfirmChannel();
  folder = await mkdtemp(join(tmpdir(), 'unsendable-'));
  await applyTopology(channel, topologyOf(config));
}, 120_000);
afterAll(async () => {
  await connection?.close();
  await rabbit?.stop();
  await rm(folder, { recursive: true });
});

const reaching = () => ({
  config,
  amqpUrl: rabbit.url,
  auditLog: join(folder, 'audit.jsonl'),
  actor: { name: 'anna', role: 'admin', from: 'shell' } as const,
  log,
  signal: new AbortController().signal,
});
const REQUEST = { match: {}, limit: 100, all: true, reason: 'a test', payload: undefined, json: true };

async function run<T>(command: 'list' | 'discard' | 'replay', request: Partial<typeof REQUEST> & object): Promise<T> {
  const written: string[] = [];
  await runDeadLetterCommand(
    { ...REQUEST, command, ...request },
    { ...reaching(), write: (words) => written.push(words) },
  );
  return JSON.parse(written.join('')) as T;
}

const list = () =>
  run<{ letters: readonly { id: string; key: string; reason: string }[]; total: number }>('list', { all: false });
const depth = async (queue: string) => (await channel.checkQueue(queue)).messageCount;
const key = (name: string) => name.replaceAll(' ', '-');

test('letters that cannot be published anew as they are hurt no others, and are never lost', async () => {
  for (const [name, odd] of Object.entries(KINDS)) {
    const named = [entry('key', 'S', text(key(name))), entry('tributary-error-code', 'S', text('field_invalid'))];
    const body = Buffer.from(JSON.stringify({ id: key(name), age: 1 }));
    const headers = Buffer.concat([odd, ...named]);
    rawPublish(channel, { exchange: '', routingKey: DEAD, body, headers, messageId: Buffer.from(key(name)) });
  }
  rawPublish(channel, {
    exchange: '',
    routingKey: DEAD,
    body: Buffer.from('{"id":"long-id"}'),
    messageId: Buffer.alloc(255, 0xff),
    timestamp: 2n ** 64n - 1n,
    headers: entry('key', 'S', text('long-id')),
  });
  const other = { exchange: '', routingKey: DEAD, body: Buffer.from('{"id":"L"}') };
  const typed = [entry('key', 'S', text('L')), entry('odd', 'L', u64(7n))];
  rawPublish(channel, { ...other, headers: Buffer.concat(typed) });
  for (let index = 0; index < OTHERS; index++)
    channel.sendToQueue(DEAD, Buffer.from(`{"id":"c-${index}","age":1}`), { headers: { key: `c-${index}` } });
  await channel.waitForConfirms();
  const all = KEYS.length + 2 + OTHERS;
  const copied = new Map<string, Readonly<Record<string, unknown>>>();
  const copy = () =>
    copyLetters(async ({ properties }, letter) => {
      copied.set(letter.key ?? '', properties.headers ?? {});
    }, reaching());

  // More often than the limit allows.
  for (let look = 0; look < LIMIT + 3; look++) await copy();
  expect(copied.size).toBe(all);
  for (const name of KEYS) {
    expect(copied.get(key(name)), name).toMatchObject({ key: key(name), 'tributary-error-code': 'field_invalid' });
    expect(copied.get(key(name))?.['x-tributary-cut'], name).toContain('a letter has no room for: ');
  }
  expect(copied.get('long-id')?.['x-tributary-cut']).toContain('property messageId');
  expect(copied.get('L')).toMatchObject({ odd: 7 });
  expect(copied.get('c-0')).not.toHaveProperty('x-tributary-cut');
  expect(await depth(DEAD)).toBe(all);

  const { letters, total } = await list();
  expect(total).toBe(all);
  const told = letters.filter(({ reason }) => reason.includes('; a letter has no room for: '));
  expect(told).toHaveLength(KEYS.length + 1);
  const idOf = (name: string) => ({ match: { id: letters.find((letter) => letter.key === name)?.id }, all: false });
  expect(await run('discard', idOf('c-0'))).toMatchObject({ done: 1 });
  expect(await run('discard', idOf(key('a header of 100 KB')))).toMatchObject({ done: 1 });
  expect(await eraseLettersOfRecord({ entity: 'customer', key: 'c-1' }, 'x', 'a test', reaching())).toMatchObject({
    done: 1,
  });
  expect(await depth(DEAD)).toBe(all - 3);
}, 60_000);

test('such letters are replayed, and put back from a backup, without what cannot be sent', async () => {
  await channel.purgeQueue(DEAD);
  await channel.purgeQueue('unsendable_customer');
  const headers = Buffer.concat([KINDS['a header of 100 KB'] ?? Buffer.of(), entry('key', 'S', text('z'))]);
  const message = { exchange: '', routingKey: DEAD, body: Buffer.from('{"id":"z","age":1}'), headers };
  rawPublish(channel, { ...message, messageId: Buffer.from('m-z') });
  channel.sendToQueue(DEAD, Buffer.from('{"id":"y","age":1}'), { messageId: 'm-y', headers: { key: 'y' } });
  await channel.waitForConfirms();
  const kept: Parameters<Parameters<typeof copyLetters>[0]>[0][] = [];
  await copyLetters(async (one) => void kept.push(one), reaching());
  expect(await run('replay', {})).toMatchObject({ done: 2, stayed: 0 });
  expect(await depth('unsendable_customer')).toBe(2);
  const replayed = await channel.get('unsendable_customer', { noAck: true });
  expect(replayed).toMatchObject({ properties: { messageId: 'm-z', headers: { key: 'z' } } });
  expect(replayed).not.toHaveProperty('properties.headers.x-tributary-cut');
  async function* letters() {
    yield* kept;
  }
  expect(await putLettersBack(letters(), reaching())).toMatchObject({ put: 2 });
  expect(await depth(DEAD)).toBe(2);
}, 60_000);
