import { createLogger } from '@tributary/shared';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enterEpoch } from '../../src/recovery/epoch.js';
import { MemoryRedis } from '../simulation/memory-redis.js';
import { FakeClock } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import { describeEpochs } from './epochs.js';
import { describeRebuilds } from './rebuilds.js';
import { describeRestarts } from './restarts.js';
import { type RedisStandIn, startRedisStandIn } from './stand-in.js';

// A stand-in starts a process, and the machine may be busy.

let standIn: RedisStandIn;
beforeAll(async () => {
  standIn = await startRedisStandIn();
});
afterAll(() => standIn.stop());

describeEpochs("embedded mode's Valkey", async () => standIn.redis);
describeEpochs("the simulation's memory", async () => new MemoryRedis(Date.now).client());
describeRebuilds("embedded mode's Valkey", async () => standIn.redis);
describeRebuilds("the simulation's memory", async () => new MemoryRedis(Date.now).client());
describeRestarts("simulation's memory", async () => {
  const server = new MemoryRedis(Date.now);
  return { redis: server.client(), restart: async () => server.restart(server.store.snapshot()) };
});

/** What entering an epoch tells people. */
async function warningsOf(server: MemoryRedis, sink: PlainSink): Promise<string[]> {
  const lines: string[] = [];
  const log = createLogger({ service: 'consumer', instance: 'test' }, { write: (line: string) => lines.push(line) });
  const options = { redis: server.client(), pipeline: 'p', sink, clock: new FakeClock(), log };
  await enterEpoch({ mergeName: 'none', ...options, rebuild: async () => {}, signal: new AbortController().signal });
  return lines.filter((line) => line.includes('"level":"warn"'));
}

describe('two pipelines, each with a Redis of its own, on one output', () => {
  test('are both warned, each as soon as the other has taken the output from it', async () => {
    const sink = new PlainSink();
    const [one, two] = [new MemoryRedis(Date.now), new MemoryRedis(Date.now)];
    two.restart(two.store.snapshot()); // so that its run differs from that of the first
    // The second cannot know whether the first still runs.
    expect([await warningsOf(one, sink), await warningsOf(two, sink)]).toEqual([[], []]);
    for (const server of [one, two]) {
      expect(await warningsOf(server, sink)).toEqual([
        expect.stringContaining('another pipeline, with a Redis of its own, is writing to the same output'),
      ]);
    }
  });

  test('are not confused with one pipeline whose Redis has restarted', async () => {
    const sink = new PlainSink();
    const server = new MemoryRedis(Date.now);
    await warningsOf(server, sink);
    server.restart(server.store.snapshot());
    expect(await warningsOf(server, sink)).toEqual([expect.stringContaining('an earlier run of the server')]);
  });
});

describe('a Redis that evicts keys', () => {
  const warnings = async (policy: string): Promise<string[]> => {
    const server = new MemoryRedis(Date.now);
    server.evicts = policy;
    return warningsOf(server, new PlainSink());
  };

  test('is warned of, with what to do', async () => {
    const [warning, ...others] = await warnings('allkeys-lru');
    expect(warning).toContain('allkeys-lru');
    expect(warning).toContain('maxmemory-policy noeviction');
    expect(others).toEqual([]);
    expect(await warnings('noeviction')).toEqual([]);
  });
});
