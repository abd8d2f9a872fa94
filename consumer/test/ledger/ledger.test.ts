import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryRedis } from '../simulation/memory-redis.js';
import { describeLedger } from './conformance.js';
import { CUSTOMERS, redisHarness, rowOf, verdictsOf } from './harness.js';
import { type RedisStandIn, startRedisStandIn } from './stand-in.js';

// A stand-in starts a process, and the machine may be busy.

let standIn: RedisStandIn;
beforeAll(async () => {
  standIn = await startRedisStandIn();
});
afterAll(() => standIn.stop());

describeLedger("embedded mode's Valkey", () => redisHarness(standIn.redis));
describeLedger("the simulation's memory", () => redisHarness(new MemoryRedis(Date.now).client()));

test('a full Redis takes no new rows, and lets rows that are written be committed', async () => {
  const ledger = await redisHarness(standIn.redis);
  const writer = ledger.writer('X');
  const rows = ['k1', 'k2'].map((key) => rowOf(CUSTOMERS, key, 'a', '1 m1'));
  await writer.renewLease(60_000);
  await writer.claim(CUSTOMERS, rows);
  await standIn.redis.config('SET', 'maxmemory', '1');
  try {
    await expect(writer.claim(CUSTOMERS, [rowOf(CUSTOMERS, 'k3', 'a', '1 m2')])).rejects.toThrow('OOM');
    await writer.commit(CUSTOMERS, rows);
  } finally {
    await standIn.redis.config('SET', 'maxmemory', '0');
  }
  expect(await verdictsOf(writer, ...rows)).toEqual(['duplicate', 'duplicate']);
  await ledger.clear();
});
