import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PrivateService } from '../services/handle.js';
import { startPrivateRabbitMQ } from '../services/rabbitmq.js';
import { type PrivateRedis, startPrivateRedis } from '../services/redis.js';
import { eventually } from './support/eventually.js';
import { type Outage, throughOutage as runThroughOutage } from './support/outage.js';
import type { Servers } from './support/servers.js';
import { readiness, startService, untilReady } from './support/services.js';
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

  const throughOutage = (what: string, outage: Outage) => runThroughOutage(stage, servers, what, outage);

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

  test('Redis is suspended with its connections open: every service says so, also one that starts, and goes on after', async () => {
    await throughOutage('silent', async (both, env) => {
      const dashboard = await startService(stage, 'dashboard', env);
      const started = [...Object.values(both), dashboard];
      const isReadySoon = (service: (typeof started)[number]) =>
        eventually(async () => expect((await readiness(service)).problems).toEqual([]), 100, 10_000);
      await Promise.all(started.map((service) => untilReady(service)));
      redis.pause();
      const late = await startService(stage, 'consumer', { ...env, INSTANCE_ID: 'late' });
      const all = [...started, late];
      const says = (service: (typeof all)[number]) =>
        eventually(
          async () => {
            const { status, problems } = await readiness(service);
            expect([status, problems.join('; ')]).toEqual([503, expect.stringContaining('Redis does not answer')]);
          },
          100,
          10_000,
        );
      await Promise.all(all.map(says));
      redis.resume();
      await Promise.all(all.map(isReadySoon));
      const ends = await Promise.all([dashboard, late].map(({ program }) => program.stop()));
      expect(ends.map(({ code }) => code)).toEqual([0, 0]);
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
