import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConsumer } from '@tributary/consumer';
import { createProducer } from '@tributary/producer';
import { createLogger, parsePipeline, ReleaseList, redisPrefix } from '@tributary/shared';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { readRows } from '../end-to-end/support/output.js';
import { uniqueName } from '../services/handle.js';

const log = createLogger({ service: 'test', instance: 'test', level: process.env.LOG_LEVEL ?? 'silent' });

const name = uniqueName('typed');
const prefix = redisPrefix(name);

/** Keys of which both services tell what to do, and those that the consumers mend by themselves. */
const TOLD = [
  'leases',
  'producers',
  'paused',
  'cursor:things',
  'keys:things',
  'publications',
  'holding',
  'states',
  'services',
];

test('a pipeline all of whose keys another program has overwritten tells each on /readyz, and lands all once when they are removed', async () => {
  const releases = new ReleaseList();
  onTestFinished(() => releases.release());
  const folder = await mkdtemp(join(tmpdir(), 'typed-'));
  releases.add('the folder', () => rm(folder, { recursive: true }));
  const redis = new Redis(inject('redisUrl'));
  releases.add('the keys', async () => {
    const left = await redis.keys(`${prefix}*`);
    if (left.length > 0) await redis.del(left);
    redis.disconnect();
  });
  releases.add('the queues', async () => {
    const connection = await connect(inject('amqpUrl'));
    const channel = await connection.createChannel();
    for (const queue of [name, `${name}.dead`]) await channel.deleteQueue(queue);
    await connection.close();
  });
  const api = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(Array.from({ length: records }, (_, n) => ({ id: `t-${n}`, count: n }))));
  }).listen(0, '127.0.0.1');
  let records = 50;
  await once(api, 'listening');
  releases.add('the API', () => {
    api.closeAllConnections();
    api.close();
  });
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const config = parsePipeline(
    `
name: ${name}
entities: { thing: { dataset: things, queue: ${name}, key: id, fields: { id: string, count: integer } } }
endpoints:
  things: { url: "${url}/things", entity: thing, schedule: { every: 300ms }, deletes: { missing: true } }
  idle: { url: "${url}/idle", entity: thing, schedule: { every: 1h } }
batch: { size: 20, interval: 200ms }
sink: { csv: { directory: ${folder} } }
`,
    {},
    'typed.yaml',
  );
  const common = {
    config,
    amqpUrl: inject('amqpUrl'),
    redisUrl: inject('redisUrl'),
    instance: name,
    port: 0,
    host: '127.0.0.1',
    log,
  };
  const services = [createProducer({ ...common, schedule: true }), createConsumer(common)];
  for (const service of services) {
    await service.start();
    releases.add('a service', () => service.stop(2_000));
  }
  const problems = async () => {
    const said = await Promise.all(
      services.map(
        async ({ url }) => ((await (await fetch(`${url}/readyz`)).json()) as { problems: string[] }).problems,
      ),
    );
    return said.flat();
  };
  const landed = async () => (await readRows(folder, 'things')).map(({ key }) => key).sort();
  const wanted = () => Array.from({ length: records }, (_, n) => `t-${n}`).sort();
  await vi.waitFor(async () => expect(await landed()).toEqual(wanted()), 60_000);
  await redis.hset(`${prefix}paused`, 'idle', '1');
  await vi.waitFor(async () => expect(await problems()).toEqual([]), 30_000);

  const keys = (await redis.keys(`${prefix}*`)).sort();
  const types = await Promise.all(keys.map((key) => redis.type(key)));
  const overwrite = redis.multi();
  keys.forEach((key, at) => {
    if (types[at] === 'string') overwrite.del(key).lpush(key, 'not ours');
    else overwrite.set(key, 'not ours');
  });
  await overwrite.exec();
  records = 80;

  const removed = new Set<string>();
  // A person does what /readyz says, until it says nothing any more.
  await vi.waitFor(
    async () => {
      const said = await problems();
      for (const [, key = ''] of said.join('\n').matchAll(/remove it with DEL "([^"]*)"/g)) {
        removed.add(key.slice(prefix.length));
        await redis.del(key);
      }
      expect(said).toEqual([]);
      expect(await landed()).toEqual(wanted());
    },
    { timeout: 120_000, interval: 250 },
  );
  expect(keys.map((key) => key.slice(prefix.length))).toEqual(expect.arrayContaining(TOLD));
  expect([...removed].sort()).toEqual(expect.arrayContaining([...TOLD].sort()));
  // The ledger was mended by the consumer: nothing of it is left in the wrong type, and nobody was told to remove it.
  expect([...removed].filter((key) => /epoch|ledger|fenced|marks|forms|rebuilds/.test(key))).toEqual([]);
}, 240_000);
