import { afterAll, beforeAll, vi } from 'vitest';
import { MemoryRedis } from '../simulation/memory-redis.js';
import { describeLedger } from './conformance.js';
import { redisHarness } from './harness.js';
import { type RedisStandIn, startRedisStandIn } from './stand-in.js';

// A stand-in starts a process, and the machine may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let standIn: RedisStandIn;
beforeAll(async () => {
  standIn = await startRedisStandIn();
});
afterAll(() => standIn.stop());

describeLedger("embedded mode's Valkey", () => redisHarness(standIn.redis));
describeLedger("the simulation's memory", () => redisHarness(new MemoryRedis(Date.now).client()));
