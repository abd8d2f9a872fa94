import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Consumer, createConsumer } from '@tributary/consumer';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { createProducer, type Producer } from '@tributary/producer';
import { createLogger, parsePipeline, ReleaseList } from '@tributary/shared';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { type PrivateRabbitMQ, startPrivateRabbitMQ } from '../services/rabbitmq.js';
import { type PrivateRedis, startPrivateRedis } from '../services/redis.js';
import { type Link, startLink } from '../src/chaos/world/link.js';

/** So long may it take until a cause is told, and until its end is, in milliseconds. */
const WITHIN = 10_000;

const name = uniqueName('ready');
const log = createLogger({ service: 'test', instance: 'test', level: process.env.LOG_LEVEL ?? 'silent' });
const releases = new ReleaseList();

let rabbit: PrivateRabbitMQ;
let redis: PrivateRedis;
let admin: Redis;
let client: Client;
type Server = 'rabbit' | 'redis' | 'postgres';
const links = new Map<Server, Link>();
let services: { producer: Producer; consumer: Consumer; dashboard: Dashboard };

beforeAll(async () => {
  [rabbit, redis] = await Promise.all([startPrivateRabbitMQ(), startPrivateRedis()]);
  releases.add('RabbitMQ', () => rabbit.stop());
  releases.add('Redis', () => redis.stop());
  admin = new Redis(redis.url);
  admin.on('error', () => {});
  releases.add('the connection to Redis', () => admin.disconnect());
  const postgresUrl = inject('postgresUrl');
  client = new Client({ connectionString: postgresUrl });
  await client.connect();
  releases.add('the schema', async () => {
    await client.query(`ROLLBACK; DROP SCHEMA IF EXISTS ${name} CASCADE`);
    await client.end();
  });
  for (const [server, url] of [
    ['rabbit', rabbit.url],
    ['redis', redis.url],
    ['postgres', postgresUrl],
  ] as const) {
    const link = await startLink(url);
    links.set(server, link);
    releases.add(server, () => link.close());
  }
  services = await startServices(await startApi());
  await allReady(60_000);
});
afterAll(() => releases.release());

/** Each answer has another good record, and another bad one, so that every part of the way is always used. */
async function startApi(): Promise<string> {
  let [asked, good] = [0, 0];
  const server = createServer((_request, response) => {
    asked += 1;
    good = (good + 1) % 20;
    const bad = { id: `bad-${asked}`, count: 'many' };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify([{ id: `good-${good}`, count: asked }, bad]));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  releases.add('the API', () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What every service is told, with the pipeline file changed like this. */
function settings(api: string, edits: readonly (readonly [from: string, to: string])[] = []) {
  let file = `
name: ${name}
entities:
  thing: { dataset: things, queue: ${name}, key: id, fields: { id: string, count: integer } }
endpoints:
  things: { url: "${api}", entity: thing, schedule: { every: 500ms } }
batch: { size: 1, interval: 200ms }
sink: { type: postgres, postgres: { schema: ${name} } }
`;
  for (const [from, to] of edits) file = file.replace(from, to);
  return {
    config: parsePipeline(file, {}, 'ready.yaml'),
    amqpUrl: urlOf('rabbit'),
    redisUrl: urlOf('redis'),
    postgresUrl: urlOf('postgres'),
    instance: name,
    port: 0,
    host: '127.0.0.1',
    log,
  };
}

async function startServices(api: string): Promise<typeof services> {
  const common = settings(api);
  const started = {
    producer: createProducer({ ...common, schedule: true }),
    consumer: createConsumer(common),
    dashboard: createDashboard(common),
  };
  for (const service of Object.values(started)) {
    await service.start();
    releases.add('a service', () => service.stop(2_000));
  }
  return started;
}

const linkOf = (server: Server): Link => {
  const link = links.get(server);
  if (link === undefined) throw new Error(`there is no link to ${server} yet`);
  return link;
};
const urlOf = (server: Server): string => linkOf(server).url;

type Name = 'producer' | 'consumer' | 'dashboard';

/** What a service says of itself: its status and its words. */
const readiness = (service: Name): Promise<string> => readinessOf(services[service]);

async function readinessOf({ url }: { readonly url: string }): Promise<string> {
  const response = await fetch(`${url}/readyz`);
  const { problems } = (await response.json()) as { problems: string[] };
  return `${response.status} ${problems.join('; ')}`;
}

const allReady = (timeout = WITHIN) =>
  vi.waitFor(
    async () => {
      const said = await Promise.all((Object.keys(services) as Name[]).map(readiness));
      expect(said).toEqual(['200 ', '200 ', '200 ']);
    },
    { timeout, interval: 50 },
  );

interface Cause {
  readonly words: Partial<Record<Name, readonly RegExp[]>>;
  readonly begin: () => unknown;
  readonly end: () => unknown;
}

const blackHole = (...servers: Server[]): Pick<Cause, 'begin' | 'end'> => ({
  begin: () => servers.map((server) => linkOf(server).setWeather({ kind: 'silent' })),
  end: () => servers.map((server) => linkOf(server).setWeather({ kind: 'fair' })),
});

const noAnswer = /RabbitMQ is not connected \(amqp:.*: RabbitMQ has sent nothing for 6 s, .*suspended, or the network/;
const silentRedis = /Redis does not answer \(redis:.*although the connection is open/;
const replica = /Redis \(redis:.* is a replica and takes no writes \(READONLY\)/;
const full = /Redis \(redis:.* is full and takes no writes \(OOM/;

const refused = /RabbitMQ is not connected \(amqp:.*ACCESS_REFUSED.*correct them, or set the password/;
const redisAway = /Redis is not connected \(redis:/;

/** Causes that do not hide each other are begun together, to save time. */
const CAUSES: Readonly<Record<string, Cause>> = {
  'RabbitMQ and Redis behind a network that swallows everything': {
    words: {
      producer: [noAnswer, silentRedis],
      consumer: [noAnswer, silentRedis],
      dashboard: [noAnswer, silentRedis],
    },
    ...blackHole('rabbit', 'redis'),
  },
  'a suspended RabbitMQ, and a Redis that became a replica': {
    words: { producer: [noAnswer, replica], consumer: [noAnswer, replica], dashboard: [noAnswer] },
    async begin() {
      rabbit.pause();
      await admin.replicaof('127.0.0.1', 1);
    },
    async end() {
      rabbit.resume();
      await admin.replicaof('NO', 'ONE');
    },
  },
  'a memory alarm of RabbitMQ': {
    words: {
      producer: [/RabbitMQ takes no messages: it is short of memory or disk \(amqp:.*vm_memory_high_watermark/],
    },
    begin: () => rabbit.ctl('set_vm_memory_high_watermark', 'absolute', '1MB'),
    end: () => rabbit.ctl('set_vm_memory_high_watermark', '0.8'),
  },
  'a full Redis': {
    words: { producer: [full], consumer: [full] },
    begin: () => admin.config('SET', 'maxmemory', '1mb'),
    end: () => admin.config('SET', 'maxmemory', '0'),
  },
  'a RabbitMQ that does not let the user in any more, and a Redis that is down': {
    words: {
      producer: [refused, redisAway],
      consumer: [refused, redisAway],
      dashboard: [refused, redisAway],
    },
    async begin() {
      await Promise.all([rabbit.ctl('change_password', 'guest', 'another one'), redis.down()]);
      linkOf('rabbit').reset();
    },
    end: () => Promise.all([rabbit.ctl('change_password', 'guest', 'guest'), redis.up()]),
  },
  'a queue that confirms nothing': {
    words: { producer: [/RabbitMQ has confirmed nothing for 5 s of what was published to queue ".*quorum_status/] },
    begin: () => rabbit.ctl('eval', `sys:suspend(whereis('%2F_${name}')).`),
    end: () => rabbit.ctl('eval', `sys:resume(whereis('%2F_${name}')).`),
  },
  'a Postgres behind a network that swallows everything': {
    words: {
      consumer: [/the sink does not answer: no answer within/],
      dashboard: [/Postgres at .*: (no answer|.*timeout)/],
    },
    ...blackHole('postgres'),
  },
  'a table that another program has locked': {
    words: { consumer: [/lock/] },
    begin: () => client.query(`BEGIN; LOCK TABLE ${name}.things IN ACCESS EXCLUSIVE MODE`),
    end: () => client.query('ROLLBACK'),
  },
};

/** Causes that end by themselves, within half a second perhaps: each text is kept that the consumer gives meanwhile. */
test.each([
  [
    'a table that a person has emptied',
    /not consuming: .*things" (is empty|was emptied)/,
    () => client.query(`TRUNCATE ${name}.things`),
  ],
  ['a queue that a person has deleted', /not consuming: .*cancel/, () => rabbit.ctl('delete_queue', name)],
])('%s: told by the consumer, which goes on', async (_name, words, begin) => {
  const told = new Set<string>();
  const listening = setInterval(() => {
    for (const problem of services.consumer.problems()) told.add(problem);
  }, 10);
  try {
    await begin();
    await vi.waitFor(() => expect([...told].join('; ')).toMatch(words), { timeout: 2 * WITHIN, interval: 50 });
  } finally {
    clearInterval(listening);
  }
  await allReady(2 * WITHIN);
});

test.each(Object.entries(CAUSES))('%s: told by every service concerned, and the end too', async (_name, cause) => {
  const told = Object.entries(cause.words) as [Name, readonly RegExp[]][];
  await cause.begin();
  try {
    await Promise.all(
      told.map(([service, words]) =>
        vi.waitFor(
          async () => {
            const said = await readiness(service);
            for (const expected of words) expect(said).toMatch(expected);
          },
          { timeout: WITHIN, interval: 50 },
        ),
      ),
    );
  } finally {
    await cause.end();
  }
  await allReady();
});

test('a process that was busy for longer than RabbitMQ may be silent does not take itself for a dead network', async () => {
  const before = await services.consumer.registry.metrics();
  const until = performance.now() + 7_000;
  while (performance.now() < until);
  await allReady();
  const sessions = (text: string) => text.match(/^tributary_sessions_total.*$/gm)?.join('\n');
  expect(sessions(await services.consumer.registry.metrics())).toBe(sessions(before));
});

test('services whose name another pipeline has: told while that one lives', async () => {
  const edits = [
    ['thing:', 'other:'],
    ['things:', 'others:'],
    ['entity: thing', 'entity: other'],
    [`queue: ${name}`, `queue: ${name}_other`],
    ['dataset: things', 'dataset: others'],
  ] as const;
  const common = { ...settings('http://127.0.0.1:1', edits), instance: 'other' };
  const others = [createProducer({ ...common, schedule: true }), createConsumer(common)];
  for (const other of others) {
    releases.add('a service of the other pipeline', () => other.stop(2_000));
    await other.start();
  }
  const say = (words: RegExp) =>
    vi.waitFor(
      async () => {
        for (const said of await Promise.all(others.map(readinessOf))) expect(said).toMatch(words);
      },
      { timeout: 2 * WITHIN, interval: 50 },
    );
  await say(new RegExp(`another pipeline runs under the name "${name}".*give this pipeline a name of its own`));
  await Promise.all([services.producer.stop(2_000), services.consumer.stop(2_000)]);
  await say(/^200 $/);
});
