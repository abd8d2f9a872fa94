import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Consumer, createConsumer } from '@tributary/consumer';
import { createDashboard } from '@tributary/dashboard';
import { createLogger, DEAD_LETTER_HEADERS, KEPT_BODIES, parsePipeline } from '@tributary/shared';
import { type Channel, type ChannelModel, type ConfirmChannel, connect, type GetMessage } from 'amqplib';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { eventually } from '../end-to-end/support/eventually.js';
import { readRows } from '../end-to-end/support/output.js';
import { uniqueName } from '../services/handle.js';
import { type PrivateRabbitMQ, startPrivateRabbitMQ } from '../services/rabbitmq.js';
import { bytes, entry, long, nested, randomEntry, rawPublish, seeded, u64 } from './raw-amqp.js';

const log = createLogger({ service: 'consumer', instance: 'test', level: process.env.LOG ?? 'silent' });

const pipelineFile = (name: string): string => `
name: ${name}
entities:
  customer: { dataset: customers, queue: ${name}_customer, key: id, fields: { id: string, age: integer } }
  item: { dataset: items, queue: ${name}_item, key: id, fields: { id: string } }
endpoints:
  crm: { url: "http://127.0.0.1:1/customers", entity: customer }
batch: { size: 100, interval: 200ms }
`;

/** One RabbitMQ for all: each test has a pipeline of its own on it. */
describe('on a RabbitMQ that refuses', { timeout: 120_000 }, () => {
  let rabbit: PrivateRabbitMQ;
  let connection: ChannelModel;
  let channel: ConfirmChannel;
  let raw: Channel;
  let name: string;
  let folder: string;
  const consumers: Consumer[] = [];

  beforeAll(async () => {
    rabbit = await startPrivateRabbitMQ();
  });
  afterAll(() => rabbit.stop());
  beforeEach(async () => {
    connection = await connect(rabbit.url);
    connection.on('error', () => {});
    name = uniqueName('broker');
    folder = await mkdtemp(join(tmpdir(), 'broker-'));
    channel = await connection.createConfirmChannel();
    raw = await connection.createChannel();
  });
  afterEach(async () => {
    for (const consumer of consumers.splice(0)) await consumer.stop(1_000);
    for (const queue of ['customer', 'item']) {
      await channel.deleteQueue(`${name}_${queue}`);
      await channel.deleteQueue(`${name}_${queue}.dead`);
    }
    await connection.close();
    const redis = new Redis(inject('redisUrl'));
    const keys = await redis.keys(`*${name}*`);
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
    await rm(folder, { recursive: true });
  });

  const config = () => parsePipeline(`${pipelineFile(name)}sink: { csv: { directory: ${folder} } }`, {}, 'test.yaml');
  async function startConsumer(amqpUrl = rabbit.url): Promise<Consumer> {
    const redisUrl = inject('redisUrl');
    const consumer = createConsumer({
      config: config(),
      amqpUrl,
      redisUrl,
      instance: name,
      port: 0,
      host: '127.0.0.1',
      log,
    });
    consumers.push(consumer);
    await consumer.start();
    return consumer;
  }
  const ready = (consumer: Consumer) => eventually(() => expect(consumer.problems()).toEqual([]));
  /** So soon must readiness tell of a cause, and of its end. */
  const tells = (consumer: Consumer, words: RegExp | string) =>
    eventually(() => expect(consumer.problems().join('\n')).toMatch(words), 50, 10_000);
  const recovers = (consumer: Consumer) => eventually(() => expect(consumer.problems()).toEqual([]), 50, 10_000);
  const publish = (entity: string, record: object | string, options = {}) =>
    channel.publish(name, entity, Buffer.from(typeof record === 'string' ? record : JSON.stringify(record)), {
      persistent: true,
      ...options,
    });
  const good = (from: number, to: number) => {
    for (let n = from; n < to; n++) publish('customer', { id: `C-${n}`, age: n });
  };
  const landed = (count: number, timeout?: number) =>
    eventually(
      async () => expect(new Set((await readRows(folder, 'customers')).map(({ key }) => key)).size).toBe(count),
      200,
      timeout,
    );
  const depth = async (queue: string) => (await raw.checkQueue(`${name}_${queue}`)).messageCount;
  const deadLetter = async (): Promise<GetMessage> => {
    const letter = await eventually(async () => {
      const got = await raw.get(`${name}_customer.dead`);
      expect(got).not.toBe(false);
      return got;
    });
    return letter as GetMessage;
  };

  test('5,000 malformed messages of every kind among 500 good ones are all buried, and the good ones all land', async () => {
    const seed = 20_261_128;
    const random = seeded(seed);
    await ready(await startConsumer());
    const [bad, all] = [5_000, 500];
    for (let n = 0; n < bad; n++) {
      if (n % (bad / all) === 0) good(n / (bad / all), n / (bad / all) + 1);
      const maybe = <T>(make: () => T) => (random() < 0.3 ? { value: make() } : {});
      const text = () => bytes(random, Math.floor(random() * 255)).subarray(0, 255);
      const entries = Array.from({ length: Math.floor(random() * 8) }, () => randomEntry(random, 3));
      if (n % 50 === 0) entries.push(entry('big', 'S', long(Buffer.alloc(80_000, 'x'))));
      if (n % 70 === 0)
        entries.push(entry('CC', 'A', long(Buffer.concat([Buffer.from('S'), long(Buffer.from('item'))]))));
      const optional = {
        contentType: maybe(text),
        contentEncoding: maybe(text),
        priority: maybe(() => Math.floor(random() * 256)),
        correlationId: maybe(text),
        replyTo: maybe(text),
        expiration: maybe(() => Buffer.from('3600000')),
        messageId: maybe(text),
        timestamp: maybe(() => (random() < 0.5 ? 2n ** 64n - 1n : BigInt(Math.floor(random() * 2 ** 50)))),
        type: maybe(text),
        userId: maybe(() => Buffer.from('guest')),
        appId: maybe(text),
      };
      const given = Object.entries(optional).flatMap(([key, one]) => ('value' in one ? [[key, one.value]] : []));
      const size = random() < 0.01 ? 300_000 : Math.floor(random() * 200);
      const body = Buffer.concat([Buffer.from(`${n} `), bytes(random, size)]);
      const message = { exchange: name, routingKey: 'customer', body, headers: Buffer.concat(entries) };
      rawPublish(raw, { ...message, ...Object.fromEntries(given) });
      if (n % 500 === 0) await raw.checkQueue(`${name}_customer`);
    }
    await channel.waitForConfirms();
    await landed(all);
    await eventually(async () => expect(await depth('customer.dead'), `seed ${seed}`).toBe(bad));
    await eventually(async () => expect(await depth('customer')).toBe(0));
  });

  test('headers that no stack can hold, or of a type that amqplib does not know, stop no queue: good records land, and bad ones are buried', async () => {
    const yes = Buffer.from('t\u0001');
    const one = u64(1n);
    const kinds: Readonly<Record<string, { readonly headers: Buffer; readonly isCut: boolean }>> = {
      'lists, as many as overflow': { headers: entry('odd', ...nested(5_000, () => 'A', yes)), isCut: true },
      'tables, as many as overflow': { headers: entry('odd', ...nested(8_000, () => 'F', yes)), isCut: true },
      'both in turn': { headers: entry('odd', ...nested(9_000, (at) => (at % 2 ? 'A' : 'F'), yes)), isCut: true },
      'as many as a frame holds': { headers: entry('odd', ...nested(26_000, () => 'A', yes)), isCut: true },
      'one more than are read': { headers: entry('odd', ...nested(65, () => 'A', yes)), isCut: true },
      'as many as are read': { headers: entry('odd', ...nested(64, () => 'A', yes)), isCut: false },
      'an L': { headers: entry('odd', 'L', one), isCut: false },
      'an L in a table in a list': {
        headers: entry('odd', 'A', long(Buffer.concat([Buffer.from('F'), long(entry('in', 'L', one))]))),
        isCut: false,
      },
      'many beside each other': {
        headers: Buffer.concat(Array.from({ length: 12_000 }, (_, n) => entry(`h${n}`, 'V', Buffer.of()))),
        isCut: true,
      },
    };
    await ready(await startConsumer());
    for (const [kind, { headers }] of Object.entries(kinds)) {
      for (const body of [JSON.stringify({ id: kind, age: 1 }), `{ ${kind}`])
        rawPublish(raw, { exchange: name, routingKey: 'customer', body: Buffer.from(body), headers });
    }
    good(0, 100);
    const count = Object.keys(kinds).length;
    await landed(100 + count);
    await eventually(async () => expect(await depth('customer.dead')).toBe(count));
    const cut = new Map<string, boolean>();
    for (let n = 0; n < count; n++) {
      const { content, properties } = await deadLetter();
      cut.set(content.toString(), properties.headers?.[DEAD_LETTER_HEADERS.cut] !== undefined);
    }
    expect(cut).toEqual(new Map(Object.entries(kinds).map(([kind, { isCut }]) => [`{ ${kind}`, isCut])));
    await eventually(async () => expect(await depth('customer')).toBe(0));
  });

  test('a message with a header of 80 KB is buried without it, and says so; its other properties survive, and route it nowhere', async () => {
    await ready(await startConsumer());
    await raw.assertQueue(`${name}_elsewhere`, { exclusive: true });
    const cc = long(Buffer.concat([Buffer.from('S'), long(Buffer.from(`${name}_item`))]));
    const headers = [
      entry('big', 'S', long(Buffer.alloc(80_000, 'x'))),
      entry('small', 'S', long(Buffer.from('kept'))),
      entry('CC', 'A', cc),
    ];
    rawPublish(raw, {
      exchange: name,
      routingKey: 'customer',
      body: Buffer.from('{'),
      headers: Buffer.concat(headers),
      contentEncoding: Buffer.from('gzip'),
      priority: 7,
      correlationId: Buffer.from('c1'),
      expiration: Buffer.from('600000'),
      userId: Buffer.from('guest'),
    });
    good(0, 100);
    await landed(100);
    const { content, properties } = await deadLetter();
    expect(content.toString()).toBe('{');
    expect(properties).toMatchObject({ contentEncoding: 'gzip', priority: 7, correlationId: 'c1' });
    expect([properties.expiration, properties.userId]).toEqual([undefined, undefined]);
    expect(properties.headers).toMatchObject({
      small: 'kept',
      big: 'x'.repeat(200),
      'tributary-original-CC': [`${name}_item`],
      'tributary-original-expiration': '600000',
      'tributary-original-userId': 'guest',
      [DEAD_LETTER_HEADERS.cut]: expect.stringContaining('big (80'),
    });
    expect(properties.headers).not.toHaveProperty('CC');
    expect(await depth('item.dead')).toBe(0);
  });

  test('a body that is larger than RabbitMQ takes by now is kept as a file, with a letter that names it', async () => {
    const first = await startConsumer();
    await ready(first);
    await first.stop();
    const body = `{"id": "${'x'.repeat(100_000)}`;
    publish('customer', body);
    good(0, 50);
    await channel.waitForConfirms();
    await rabbit.ctl(
      'eval',
      'application:set_env(rabbit, max_message_size, 50000), persistent_term:put(max_message_size, 50000).',
    );
    try {
      const consumer = await startConsumer();
      await landed(50);
      const { content, properties } = await deadLetter();
      const kept: string = properties.headers?.[DEAD_LETTER_HEADERS.kept];
      expect(properties.headers).toMatchObject({ [DEAD_LETTER_HEADERS.keptBytes]: body.length });
      expect(content.toString()).toContain(kept);
      expect(await readdir(join(folder, KEPT_BODIES.folder))).toEqual([kept]);
      expect(await readFile(join(folder, KEPT_BODIES.folder, kept), 'utf8')).toBe(body);
      raw.nackAll(true);
      await seenByDashboard(body);
      await ready(consumer);
    } finally {
      await rabbit.ctl(
        'eval',
        'application:set_env(rabbit, max_message_size, 134217728), persistent_term:put(max_message_size, 134217728).',
      );
    }
  });

  /** The dashboard shows the body, and cannot replay it while RabbitMQ does not take it; mended, it lands. */
  async function seenByDashboard(body: string): Promise<void> {
    const dashboard = createDashboard({
      config: config(),
      amqpUrl: rabbit.url,
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log,
      auditLog: join(folder, 'audit.jsonl'),
      tokens: { operator: 'anna=operator-secret' },
    });
    await dashboard.start();
    const call = async (path: string, sent?: object) => {
      const init = sent === undefined ? {} : { method: 'POST', body: JSON.stringify(sent) };
      const headers = { authorization: 'Bearer operator-secret', 'content-type': 'application/json' };
      const response = await fetch(`${dashboard.url}/api/dead-letters${path}`, { ...init, headers });
      return (await response.json()) as Record<string, unknown> & { letters?: { id: string; size: number }[] };
    };
    const letter = await eventually(async () => {
      const { letters = [] } = await call('?refresh=1');
      expect(letters).toMatchObject([{ size: body.length }]);
      return letters[0];
    });
    expect((await call(`/${letter?.id}`)).payload).toBe(body);
    expect(JSON.stringify(await call(`/${letter?.id}/replay`, {}))).toContain('max_message_size');
    expect(await call('/replay', { match: {} })).toMatchObject({ done: 0, stayed: 1, faults: [{ code: 'not_json' }] });
    expect(await readdir(join(folder, KEPT_BODIES.folder))).toHaveLength(1);
    expect(await call(`/${letter?.id}/replay`, { payload: '{"id": "mended", "age": 1}' })).toMatchObject({ done: 1 });
    await landed(51);
    // Its letter is gone, and so is what was kept for it.
    expect(await readdir(join(folder, KEPT_BODIES.folder))).toEqual([]);
    await dashboard.stop();
  }

  test('records go on while the memory alarm blocks the dead letters, which are told of, and buried when it is over', async () => {
    const first = await startConsumer();
    await ready(first);
    await first.stop();
    publish('customer', '{');
    good(0, 300);
    await channel.waitForConfirms();
    await rabbit.ctl('set_vm_memory_high_watermark', 'absolute', '1MB');
    const consumer = await startConsumer();
    await landed(300);
    await tells(consumer, `dead letters of ${name}_customer cannot be put`);
    expect(consumer.problems().join('\n')).toContain('RabbitMQ takes no messages: it is short of memory or disk');
    expect(await consumer.registry.metrics()).toMatch(/tributary_rabbitmq_blocked\{.*\} 1/);
    expect(await consumer.registry.metrics()).toMatch(/tributary_dead_letters_held\{.*customer".*\} 1/);
    expect(await depth('customer.dead')).toBe(0);
    await rabbit.ctl('set_vm_memory_high_watermark', '0.8');
    await recovers(consumer);
    await eventually(async () => expect(await depth('customer.dead')).toBe(1));
    expect(await depth('customer')).toBe(0);
  });

  test('letters that their queue refuses are held aside, records go on, and the letters follow when there is room', async () => {
    const consumer = await startConsumer();
    await ready(consumer);
    await rabbit.ctl(
      'set_policy',
      'full',
      `^${name}_customer\\.dead$`,
      '{"max-length": 3, "overflow": "reject-publish"}',
      '--apply-to',
      'queues',
    );
    // A quorum queue tells that it is full a moment after it is.
    publish('customer', '{');
    for (let n = 0; n < 5; n++) publish('customer', `{"first": ${n}`);
    await eventually(async () => expect(await depth('customer.dead')).toBeGreaterThan(3));
    for (let n = 0; n < 20; n++) publish('customer', `{"bad": ${n}`);
    good(0, 100);
    await landed(100);
    await tells(consumer, /cannot be put on .*\.dead: .*takes no more/);
    expect(await depth('customer.dead')).toBeLessThan(26);
    await rabbit.ctl('clear_policy', 'full');
    await recovers(consumer);
    await eventually(async () => expect(await depth('customer.dead')).toBe(26));
  });

  test('a policy that limits the dead letters drops none of them, and the metric counts those that lie there', async () => {
    const consumer = await startConsumer();
    await ready(consumer);
    await rabbit.ctl('set_policy', 'short', `^${name}_customer\\.dead$`, '{"max-length": 3}', '--apply-to', 'queues');
    for (let n = 0; n < 6; n++) publish('customer', `{"first": ${n}`);
    await eventually(async () => expect(await depth('customer.dead')).toBeGreaterThan(3));
    const before = await depth('customer.dead');
    for (let n = 0; n < 4; n++) publish('customer', `{"bad": ${n}`);
    await tells(consumer, /cannot be put on .*\.dead/);
    expect(await depth('customer.dead')).toBeGreaterThanOrEqual(before);
    const lying = await depth('customer.dead');
    expect(await consumer.registry.metrics()).toMatch(
      new RegExp(`tributary_dead_letters_lying\\{queue="${name}_customer.dead".*\\} ${lying}`),
    );
    await rabbit.ctl('clear_policy', 'short');
    await eventually(async () => expect(await depth('customer.dead')).toBe(10));
  });

  test('queues for dead letters of an earlier version are used as they are', async () => {
    const older = { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 100_000 } };
    await raw.assertQueue(`${name}_customer.dead`, older);
    const consumer = await startConsumer();
    await ready(consumer);
    publish('customer', '{');
    good(0, 20);
    await landed(20);
    await eventually(async () => expect(await depth('customer.dead')).toBe(1));
  });

  test('a queue of another pipeline, and another pipeline of the same name, are refused in words', async () => {
    const consumer = await startConsumer();
    await ready(consumer);
    const start = async (text: string) => {
      const other = createConsumer({
        config: parsePipeline(`${text}sink: { csv: { directory: ${folder}/other } }`, {}, 'other.yaml'),
        amqpUrl: rabbit.url,
        redisUrl: inject('redisUrl'),
        instance: 'other',
        port: 0,
        host: '127.0.0.1',
        log,
      });
      consumers.push(other);
      await other.start();
      return other;
    };
    const sharing = await start(pipelineFile(name).replace(`name: ${name}`, `name: ${name}b`));
    await eventually(() =>
      expect(sharing.problems().join('\n')).toContain(
        `queue "${name}_customer" exists with other arguments: it belongs to pipeline "${name}"`,
      ),
    );
    await sharing.stop(1_000);
    const twin = await start(pipelineFile(name).replace('crm:', 'shop:').replaceAll(`${name}_`, `${name}b_`));
    await eventually(() =>
      expect(twin.problems().join('\n')).toContain(`another pipeline runs under the name "${name}"`),
    );
    good(0, 30);
    await landed(30);
    // The name is free when the other is gone.
    await consumer.stop();
    await eventually(() => expect(twin.problems()).toEqual([]));
    for (const queue of ['customer', 'item']) {
      await twin.stop(1_000);
      await channel.deleteQueue(`${name}b_${queue}`);
      await channel.deleteQueue(`${name}b_${queue}.dead`);
    }
  });

  test('says in the words of RabbitMQ why it is not let in, and what to do', async () => {
    const { host } = new URL(rabbit.url);
    const told = async (amqpUrl: string, words: RegExp) => {
      const consumer = await startConsumer(amqpUrl);
      await tells(consumer, words);
      return consumer;
    };
    for (const [url, words] of [
      [`amqp://guest:wrong@${host}`, /ACCESS_REFUSED.*user or the password in AMQP_URL/],
      [`amqp://guest:guest@${host}/nowhere`, /vhost nowhere not found.*add_vhost/],
      [`amqps://guest:guest@${host}`, /does not speak TLS|closed the connection without a word/],
    ] as const) {
      const consumer = await told(url, words);
      await consumer.stop(1_000);
    }
    await rabbit.ctl('add_user', name, 'secret');
    const stranger = await told(
      `amqp://${name}:secret@${host}`,
      new RegExp(`access to vhost '/' refused for user '${name}'.*set_permissions -p / ${name}`),
    );
    await rabbit.ctl('set_permissions', name, '^nothing$', '.*', '.*');
    await tells(stranger, new RegExp(`403 ACCESS_REFUSED.*set_permissions -p / ${name}`));
    await rabbit.ctl('set_permissions', name, '.*', '.*', '.*');
    await recovers(stranger);
    await stranger.stop(1_000);
    await rabbit.ctl('delete_user', name);
  });
});
