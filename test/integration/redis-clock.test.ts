import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisPrefix } from '@tributary/shared';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { rebuildLockKey } from '../../consumer/src/ledger/keys.js';
import { RebuildLock } from '../../consumer/src/recovery/lock.js';
import { CUSTOMERS, redisHarness, rowOf } from '../../consumer/test/ledger/harness.js';
import { FakeClock as TestClock } from '../../consumer/test/support/fake-clock.js';
import { redisLeaseTable } from '../../producer/src/leases/table-redis.js';
import { sayOnConsole, uniqueName } from '../services/handle.js';
import { type PrivateRedis, startPrivateRedis } from '../services/redis.js';
import { envForRedis, type FakeClock, fakeClocks } from '../src/chaos/world/clock.js';

const HOUR = 3_600;
/** A short lease, so that the test need not wait long, in milliseconds. */
const LEASE = 1_500;

describe('a Redis whose clock is set', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-clock-'));
  let clock: FakeClock;
  let server: PrivateRedis;
  let redis: Redis;
  beforeAll(async () => {
    clock = (await fakeClocks(folder, sayOnConsole))('redis');
    server = await startPrivateRedis({ env: envForRedis(clock) });
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => moveTo(0));

  /** Moves the clock of the server, and waits until it reads it. */
  async function moveTo(seconds: number) {
    clock.moveBy(seconds);
    await expect
      .poll(async () => Math.abs(Number((await redis.time())[0]) - (Date.now() / 1_000 + seconds)))
      .toBeLessThan(60);
  }

  const takeOver = { timeout: 10_000, interval: 100 };

  test.each([
    ['back by an hour', -HOUR],
    ['forward by an hour', HOUR],
  ])(
    '%s: what a dead writer held is taken over within its lease, what a living one holds is not',
    async (_how, step) => {
      const { writer, clear } = await redisHarness(redis);
      onTestFinished(clear);
      const [dead, living, other] = [writer('dead'), writer('living'), writer('other')];
      const [held, kept] = [rowOf(CUSTOMERS, 'a', 'A', '1 m1'), rowOf(CUSTOMERS, 'b', 'B', '1 m2')];
      await Promise.all([dead, living].map((one) => one.renewLease(LEASE)));
      await dead.claim(CUSTOMERS, [held]);
      await living.claim(CUSTOMERS, [kept]);
      await moveTo(step);
      await living.renewLease(LEASE);
      expect((await other.claim(CUSTOMERS, [kept]))[0]?.kind).toBe('busy');
      await expect
        .poll(async () => {
          await living.renewLease(LEASE);
          return (await other.claim(CUSTOMERS, [held]))[0]?.takenFrom;
        }, takeOver)
        .toEqual(['dead']);
      expect((await other.claim(CUSTOMERS, [kept]))[0]?.kind).toBe('busy');
      await living.commit(CUSTOMERS, [kept]);
    },
  );

  test('back by an hour: the endpoints of a dead producer are polled by another within its lease', async () => {
    const pipeline = uniqueName('clock');
    onTestFinished(async () => void (await redis.unlink(await redis.keys(`${redisPrefix(pipeline)}*`))));
    const table = redisLeaseTable(redis, pipeline);
    const wishes = new Map([['crm', true]]);
    await table.announce('dead', ['crm'], LEASE, Date.now());
    expect((await table.claim('dead', wishes, LEASE)).get('crm')?.holder).toBe('dead');
    await moveTo(-HOUR);
    expect([...(await table.announce('other', ['crm'], LEASE, Date.now())).keys()].sort()).toEqual(['dead', 'other']);
    expect((await table.claim('other', wishes, LEASE)).get('crm')?.holder).toBe('dead');
    const holder = async () => (await table.claim('other', wishes, LEASE)).get('crm')?.holder;
    await expect.poll(holder, takeOver).toBe('other');
    expect([...(await table.announce('other', ['crm'], LEASE, Date.now())).keys()]).toEqual(['other']);
  });

  test('back by an hour: the lock of a consumer that died in a rebuild lasts no longer than locks do', async () => {
    const pipeline = uniqueName('clock');
    const key = rebuildLockKey(pipeline);
    onTestFinished(async () => void (await redis.del(key)));
    await redis.set(key, 'dead', 'PX', 15_000);
    await moveTo(-HOUR);
    expect(await redis.pttl(key)).toBeGreaterThan(3_000_000);
    expect(await RebuildLock.take({ redis, pipeline, clock: new TestClock() })).toBeUndefined();
    expect(await redis.pttl(key)).toBeLessThanOrEqual(15_000);
  });
});
