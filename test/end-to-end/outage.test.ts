import { renameSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { PrivateService } from '../services/handle.js';
import { startPrivatePostgres } from '../services/postgres.js';
import { startPrivateRabbitMQ } from '../services/rabbitmq.js';
import { type PrivateRedis, startPrivateRedis } from '../services/redis.js';
import { type Crm, startCrm } from './support/crm.js';
import { eventually } from './support/eventually.js';
import { type ExpectedRows, expectedRows } from './support/join.js';
import { countExpected, countRows, expectNewest, expectNoDuplicates, readDemoRows } from './support/landed.js';
import { readMetrics } from './support/metrics.js';
import { demoPipeline } from './support/pipeline-file.js';
import { type Servers, waitingIn } from './support/servers.js';
import { type RunningService, readiness, startService, untilReady } from './support/services.js';
import { useStage } from './support/stage.js';
import { contentOf, expectedTable, Schema } from './support/tables.js';

const stage = useStage();

/** Starts producer and consumer of one pipeline. */
async function startBoth(env: Readonly<Record<string, string>>) {
  const all = { BATCH_INTERVAL: '500ms', POLL_INTERVAL: '1s', ...env };
  const consumer = await startService(stage, 'consumer', { ...all, INSTANCE_ID: 'consumer' });
  const producer = await startService(stage, 'producer', { ...all, INSTANCE_ID: 'producer' });
  return { consumer, producer };
}

/** Everything the CRM has lands once; nothing that landed is there twice. */
async function expectAllLanded(output: string, expected: ExpectedRows): Promise<void> {
  await eventually(async () => expectNewest(await readDemoRows(output), expected), 500);
  expectNoDuplicates(await readDemoRows(output));
}

describe('an output folder that cannot be written', () => {
  const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
  const { file, queues } = demoPipeline(stage, servers);
  const output = stage.write('in-the-way', 'a file stands where the folder should be');
  let crm: Crm;
  let both: { consumer: RunningService; producer: RunningService };

  const waiting = () => Promise.all(queues.map((queue) => waitingIn(servers.amqpUrl, queue)));

  beforeAll(async () => {
    ({ crm } = await startCrm(stage));
    both = await startBoth({
      ...{ AMQP_URL: servers.amqpUrl, REDIS_URL: servers.redisUrl, CRM_URL: crm.url, PIPELINE: file },
      OUTPUT_DIR: output,
    });
  });

  test('stops consumption: /readyz is 503 and says why, and every message stays in its queue', async () => {
    await eventually(async () => expectAllWaiting(await waiting()));
    const { status, ready, problems } = await readiness(both.consumer);
    expect({ status, ready }).toEqual({ status: 503, ready: false });
    expect(problems.join('; ')).toMatch(/the sink cannot be written: .*in-the-way/);
    expect((await fetch(`${both.consumer.url}/healthz`)).status).toBe(200);
    expect(both.consumer.program.stdout).toMatch(/"level":"error".*the sink cannot be written.*nothing is consumed/);
    // The producer has no part in it.
    await untilReady(both.producer);
    expectAllWaiting(await waiting());
    expect((await readMetrics(both.consumer.url)).sum('tributary_records_total')).toBe(0);
  });

  /** Each poll asks for the last seconds once more, so there may be more. */
  function expectAllWaiting([customers = 0, items = 0]: readonly number[]): void {
    expect(customers).toBeGreaterThanOrEqual(200);
    expect(items).toBeGreaterThanOrEqual(50);
  }

  test('goes on by itself when it can be written again, and everything lands once', async () => {
    const expected = expectedRows(await crm.records());
    rmSync(output);
    await expectAllLanded(output, expected);
    expect(countRows(await readDemoRows(output))).toEqual(countExpected(expected));
    await untilReady(both.consumer);
    expect(await waiting()).toEqual([0, 0]);
  });

  test('does the same when the folder goes in the middle of the work and comes back', async () => {
    const before = countRows(await readDemoRows(output));
    renameSync(output, `${output}-away`);
    stage.write('in-the-way', 'a file stands where the folder was');
    await crm.change(100);
    await eventually(async () => {
      const { status, problems } = await readiness(both.consumer);
      expect(status).toBe(503);
      expect(problems.join('; ')).toMatch(/cannot be written: .*in-the-way/);
    });
    const metrics = await readMetrics(both.consumer.url);
    expect(metrics.sum('tributary_sink_failures_total')).toBeGreaterThan(0);

    rmSync(output);
    renameSync(`${output}-away`, output);
    const expected = expectedRows(await crm.records());
    await expectAllLanded(output, expected);
    expect(countRows(await readDemoRows(output)).customers).toBeGreaterThan(before.customers ?? 0);
    await untilReady(both.consumer);
    await eventually(async () => expect(await waiting()).toEqual([0, 0]));
    const ends = await Promise.all([both.producer.program.stop(), both.consumer.program.stop()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  });
});

describe('a Postgres that goes', () => {
  const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
  const { file } = demoPipeline(stage, servers);
  let postgres: PrivateService;

  beforeAll(async () => {
    postgres = await startPrivatePostgres();
  });
  afterAll(() => postgres.stop());

  test('is waited for: /readyz says so, and what came meanwhile lands when it is back', async () => {
    const { crm } = await startCrm(stage);
    const { consumer, producer } = await startBoth({
      ...{ AMQP_URL: servers.amqpUrl, REDIS_URL: servers.redisUrl, CRM_URL: crm.url, PIPELINE: file },
      ...{ SINK: 'postgres', POSTGRES_URL: postgres.url },
    });
    const written = async () => (await readMetrics(consumer.url)).sum('tributary_rows_written_total');
    await eventually(async () => expect(await written()).toBeGreaterThan(50), 20);
    await postgres.down();
    await crm.change(50);
    await eventually(async () => {
      const { status, problems } = await readiness(consumer);
      expect(status).toBe(503);
      expect(problems.join('; ')).toContain('cannot be written');
    });
    await postgres.up();

    const expected = expectedRows(await crm.records());
    expect(countExpected(expected)).toMatchObject({ customers: 200, inventory: 50 });
    const schema = new Schema(postgres.url, 'public');
    for (const dataset of ['customers', 'inventory', 'customer_inventory'] as const) {
      await eventually(async () => {
        expect(contentOf(await schema.rows(dataset)), dataset).toEqual(expectedTable(expected[dataset]));
      });
    }
    await untilReady(consumer);
    const ends = await Promise.all([producer.program.stop(), consumer.program.stop()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  });
});

describe('servers that go while records flow', { timeout: 120_000 }, () => {
  let rabbit: PrivateService;
  let redis: PrivateRedis;
  let servers: Servers;

  beforeAll(async () => {
    [rabbit, redis] = await Promise.all([startPrivateRabbitMQ(), startPrivateRedis()]);
    servers = { amqpUrl: rabbit.url, redisUrl: redis.url };
  });
  afterAll(() => Promise.all([rabbit, redis].map((server) => server.stop())));

  /** Runs a pipeline on a CRM that changes, hurts it, lets it go on for a while, and sees that all is well. */
  async function throughOutage(what: string, outage: (both: Awaited<ReturnType<typeof startBoth>>) => Promise<void>) {
    const { file } = demoPipeline(stage, undefined);
    const output = stage.path(what);
    const { crm } = await startCrm(stage, {
      MOCK_CUSTOMERS: '1000',
      MOCK_ITEMS: '400',
      MOCK_CHANGES_PER_SECOND: '100',
    });
    const both = await startBoth({
      ...{ AMQP_URL: servers.amqpUrl, REDIS_URL: servers.redisUrl, CRM_URL: crm.url, PIPELINE: file },
      OUTPUT_DIR: output,
    });
    const accepted = async () =>
      (await readMetrics(both.consumer.url)).sum('tributary_records_total', { outcome: 'accepted' });

    // Not before: a RabbitMQ that is killed right after a queue was declared may lose it (see startPrivateRabbitMQ).
    await eventually(async () => expect(await accepted()).toBeGreaterThan(700), 20);
    await outage(both);
    const then = await accepted();
    await eventually(async () => expect(await accepted()).toBeGreaterThan(then + 100));
    await crm.pause();
    const expected = expectedRows(await crm.records());
    expect(countExpected(expected)).toMatchObject({ customers: 1_000, inventory: 400 });
    await expectAllLanded(output, expected);
    await Promise.all(Object.values(both).map(untilReady));
    const ends = await Promise.all([both.producer.program.stop(), both.consumer.program.stop()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    expectNewest(await readDemoRows(output), expected);
  }

  test('Redis is killed, is away for a while, and comes back empty: no row twice, none missing', async () => {
    await throughOutage('redis', async (both) => {
      await redis.down();
      for (const service of Object.values(both)) {
        await eventually(async () => {
          const { status, problems } = await readiness(service);
          expect(status).toBe(503);
          expect(problems.join('; ')).toContain('Redis is not connected');
        });
      }
      await redis.up();
    });
  });

  test('RabbitMQ is killed, is away for a while, and comes back: no row twice, none missing', async () => {
    await throughOutage('rabbitmq', async (both) => {
      await rabbit.down();
      for (const service of Object.values(both)) {
        await eventually(async () => {
          const { status, problems } = await readiness(service);
          expect(status).toBe(503);
          expect(problems.join('; ')).toContain('RabbitMQ is not connected');
        });
      }
      await rabbit.up();
    });
  });

  test('RabbitMQ is restarted in good order, and Redis with it', async () => {
    await throughOutage('both', async () => {
      await Promise.all([rabbit.restart(), redis.restart()]);
    });
  });
});
