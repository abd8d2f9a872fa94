import { type Clock, claimPipeline, parsePipeline, redisPrefix, systemClock } from '@tributary/shared';
import { Redis } from 'ioredis';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { uniqueName } from '../services/handle.js';

/** Beats come at once, so that the test need not wait for them. */
const hurried: Clock = { ...systemClock, sleep: (_ms, signal) => systemClock.sleep(5, signal) };

test('two services of one name go on, and each is told so once', async () => {
  const redis = new Redis(inject('redisUrl'));
  const name = uniqueName('twins');
  const text = `
name: ${name}
entities: { customer: { dataset: customers, queue: ${name}.c, key: id, fields: { id: string } } }
endpoints: { crm: { entity: customer, url: "http://127.0.0.1:1/", schedule: { every: 1m } } }`;
  const config = parsePipeline(text, {}, 'pipeline.yaml');
  const stop = new AbortController();
  onTestFinished(async () => {
    stop.abort();
    await redis.del(`${redisPrefix(name)}services`);
    redis.disconnect();
  });
  const told: string[] = [];
  const problems: (string | undefined)[] = [];
  for (const service of ['consumer one 1a', 'consumer one 2b', 'consumer two 3c', 'producer one 4d']) {
    await claimPipeline({
      redis,
      config,
      service,
      clock: hurried,
      onProblem: (problem) => problems.push(problem),
      onTwin: (words) => told.push(`${service}: ${words}`),
      signal: stop.signal,
    });
  }
  await vi.waitFor(() => expect(told).toHaveLength(2));
  await vi.waitFor(async () => expect(await redis.hlen(`${redisPrefix(name)}services`)).toBe(4), 30_000);
  expect(told.sort()).toEqual([
    expect.stringMatching(/^consumer one 1a: two services go by the name "consumer one".*INSTANCE_ID/),
    expect.stringMatching(/^consumer one 2b: two services go by the name "consumer one"/),
  ]);
  expect(problems).toEqual([undefined, undefined, undefined, undefined]);
});
