import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConsumer } from '@tributary/consumer';
import { createDashboard } from '@tributary/dashboard';
import { createProducer } from '@tributary/producer';
import { createLogger, parsePipeline, ReleaseList } from '@tributary/shared';
import { Client } from 'pg';
import { describe, expect, inject, type TestContext, test, vi } from 'vitest';
import { removeAtEnd } from '../end-to-end/support/servers.js';
import { uniqueName } from '../services/handle.js';
import { startPrivatePostgresPair } from '../services/postgres.js';
import { startPrivateSentinel } from '../services/sentinel.js';

/** Milliseconds until a cause is told, and until its end is: 10 s by the timers of the services, and more for a busy machine. */
const WITHIN = { timeout: 45_000, interval: 50 };
const UNTIL_READY = { timeout: 60_000, interval: 100 };

const log = createLogger({ service: 'test', instance: 'test', level: process.env.LOG_LEVEL ?? 'silent' });

interface Service {
  readonly url: string;
}

interface Stores {
  readonly sink: 'csv' | 'postgres';
  readonly redisUrl?: string;
  readonly postgresUrl?: string;
}

/** The services of a pipeline that is always at work, and what each says of itself. */
async function startPipeline({ onTestFinished }: Pick<TestContext, 'onTestFinished'>, stores: Stores) {
  const name = uniqueName('stores');
  const releases = new ReleaseList();
  onTestFinished(() => releases.release());
  const directory = mkdtempSync(join(tmpdir(), 'tributary-stores-'));
  releases.add('the folder', () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  const amqpUrl = inject('amqpUrl');
  const redisUrl = stores.redisUrl ?? inject('redisUrl');
  const servers = { amqpUrl, redisUrl: inject('redisUrl') };
  removeAtEnd({ atEnd: (what, release) => releases.add(what, release) }, servers, name, [name]);
  const api = await startApi(releases);
  const file = `
name: ${name}
entities: { thing: { dataset: things, queue: ${name}, key: id, fields: { id: string, count: integer } } }
endpoints: { things: { url: "${api}", entity: thing, schedule: { every: 500ms } } }
batch: { size: 1, interval: 200ms }
sink: { type: ${stores.sink}, csv: { directory: ${directory} } }
`;
  const config = parsePipeline(file, {}, 'stores.yaml');
  const common = {
    config,
    amqpUrl,
    redisUrl,
    postgresUrl: stores.postgresUrl,
    instance: name,
    port: 0,
    host: '127.0.0.1',
    log,
  };
  const producer = createProducer({ ...common, schedule: true });
  const consumer = createConsumer(common);
  const dashboard = createDashboard(common);
  for (const service of [producer, consumer, dashboard]) {
    await service.start();
    releases.add('a service', () => service.stop(2_000));
  }
  const services = [producer, consumer, dashboard];
  const ready = (within = WITHIN) =>
    vi.waitFor(async () => {
      expect(await Promise.all(services.map(readiness))).toEqual(['200 ', '200 ', '200 ']);
    }, within);
  await ready(UNTIL_READY);
  return { directory, folder: join(directory, 'things'), producer, consumer, dashboard, ready };
}

async function startApi(releases: ReleaseList): Promise<string> {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked += 1;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify([{ id: `thing-${asked % 20}`, count: asked }]));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  releases.add('the API', () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function readiness({ url }: Service): Promise<string> {
  const response = await fetch(`${url}/readyz`);
  const { problems } = (await response.json()) as { problems: string[] };
  return `${response.status} ${problems.join('; ')}`;
}

const says = (service: Service, words: RegExp) =>
  vi.waitFor(async () => expect(await readiness(service)).toMatch(words), WITHIN);

describe.concurrent('told by every service concerned, and the end too:', { timeout: 240_000 }, () => {
  test('a part that another program has emptied, and a folder that was put back to an older copy', async (context) => {
    const { directory, folder, consumer, ready } = await startPipeline(context, { sink: 'csv' });
    // It goes on after half a second, so each text is kept that it gives meanwhile.
    const texts = new Set<string>();
    const listening = setInterval(() => {
      for (const problem of consumer.problems()) texts.add(problem);
    }, 10);
    context.onTestFinished(() => clearInterval(listening));
    const told = async (words: RegExp) => {
      await vi.waitFor(() => expect([...texts].join('; ')).toMatch(words), WITHIN);
      texts.clear();
    };
    const bytes = () => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    const grows = (from: number) => vi.waitFor(() => expect(bytes()).toBeGreaterThan(from + 200), UNTIL_READY);
    await grows(0);
    const [part = ''] = readdirSync(folder);
    texts.clear();
    truncateSync(join(folder, part), 0);
    await told(/not consuming: .*\.csv was (cut or emptied|emptied) by another program or person/);
    await ready();
    await grows(bytes());
    const copy = `${directory}-copy`;
    context.onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
    cpSync(folder, copy, { recursive: true });
    await grows(bytes());
    // As rsync does: another file under the same name.
    for (const name of readdirSync(copy)) {
      cpSync(join(copy, name), join(folder, `.${name}.new`));
      renameSync(join(folder, `.${name}.new`), join(folder, name));
    }
    await told(/not consuming: .*\.csv (was deleted or replaced|was cut|has \d+ bytes, and had)/);
    await ready();
  });

  test('a Postgres of which only a standby is there', async (context) => {
    const { primary, standby } = await startPrivatePostgresPair();
    context.onTestFinished(() => Promise.all([primary.stop(), standby.stop()]).then(() => {}));
    const hosts = [standby, primary].map(({ url }) => new URL(url).host).join(',');
    const postgresUrl = `postgres://tributary@${hosts}/postgres?target_session_attrs=read-write`;
    const { consumer, dashboard, ready } = await startPipeline(context, { sink: 'postgres', postgresUrl });
    await primary.down();
    await Promise.all([consumer, dashboard].map((service) => says(service, /^503 .*this server is a standby/)));
    const client = new Client({ connectionString: standby.url });
    await client.connect();
    await client.query('SELECT pg_promote()').finally(() => client.end());
    await ready();
  });

  test('a Redis whose master is gone, until Sentinels have another', async (context) => {
    const redis = await startPrivateSentinel();
    context.onTestFinished(() => redis.stop());
    const { producer, consumer, dashboard, ready } = await startPipeline(context, { sink: 'csv', redisUrl: redis.url });
    redis.replica.pause();
    try {
      await redis.master.down();
      const words = /^503 .*Redis .*redis\+sentinel:\/\/127\.0\.0\.1:\d+\/mymaster/;
      await Promise.all([producer, consumer, dashboard].map((service) => says(service, words)));
    } finally {
      redis.replica.resume();
    }
    // How long that takes is up to the Sentinel.
    await vi.waitFor(async () => expect((await redis.roles()).master).toBe(redis.replica), UNTIL_READY);
    await ready();
  });
});
