import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PrivateService } from '../services/handle.js';
import { startPrivateRabbitMQ } from '../services/rabbitmq.js';
import { type PrivateRedis, startPrivateRedis } from '../services/redis.js';
import { startCrm } from './support/crm.js';
import { eventually } from './support/eventually.js';
import { expectedRows } from './support/join.js';
import { countExpected, expectAllLanded, expectNewest, readDemoRows } from './support/landed.js';
import { readMetrics } from './support/metrics.js';
import { demoPipeline } from './support/pipeline-file.js';
import type { Servers } from './support/servers.js';
import { type Both, readiness, startBoth, untilReady } from './support/services.js';
import { useStage } from './support/stage.js';

const stage = useStage();

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
  async function throughOutage(what: string, outage: (both: Both) => Promise<void>) {
    const { file } = demoPipeline(stage, undefined);
    const output = stage.path(what);
    const { crm } = await startCrm(stage, {
      MOCK_CUSTOMERS: '1000',
      MOCK_ITEMS: '400',
      MOCK_CHANGES_PER_SECOND: '100',
    });
    const both = await startBoth(stage, {
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
      CRM_URL: crm.url,
      PIPELINE: file,
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
