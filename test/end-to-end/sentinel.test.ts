import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PrivateService } from '../services/handle.js';
import { startPrivateRabbitMQ } from '../services/rabbitmq.js';
import { type PrivateSentinel, startPrivateSentinel } from '../services/sentinel.js';
import { eventually } from './support/eventually.js';
import { throughOutage } from './support/outage.js';
import { readiness, untilReady } from './support/services.js';
import { useStage } from './support/stage.js';

const stage = useStage();

describe('a Redis that Sentinels watch', { timeout: 180_000 }, () => {
  let rabbit: PrivateService;
  let redis: PrivateSentinel;
  beforeAll(async () => {
    [rabbit, redis] = await Promise.all([startPrivateRabbitMQ(), startPrivateSentinel({ password: 's3cret' })]);
  });
  afterAll(() => Promise.all([rabbit.stop(), redis.stop()]));

  test('fails over under load, with its last writes lost: no row twice, none missing', async () => {
    const servers = { amqpUrl: rabbit.url, redisUrl: redis.url };
    await throughOutage(stage, servers, 'failover', async (both) => {
      // The replica lacks what comes from here on.
      redis.replica.pause();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await redis.master.down();
      redis.replica.resume();
      for (const service of Object.values(both)) {
        await eventually(async () => {
          const { problems } = await readiness(service);
          expect(problems.join('; ')).toMatch(/Redis .*redis\+sentinel:\/\/127\.0\.0\.1:\d+\/mymaster/);
          expect(problems.join('; ')).not.toContain('s3cret');
        });
      }
      await Promise.all(Object.values(both).map((service) => untilReady(service)));
    });
  });
});
