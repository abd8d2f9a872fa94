import { Redis, redisPrefix, redisRunLog, redisSeenAgain } from '@tributary/shared';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { describeRunLog, describeSeenAgain } from '../../shared/test/redis/journal-conformance.js';
import { uniqueName } from '../services/handle.js';

let redis: Redis;
const pipelines: string[] = [];
const newPipeline = () => {
  const name = uniqueName('journal');
  pipelines.push(name);
  return name;
};
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
afterAll(async () => {
  const keys = pipelines.flatMap((name) => ['runs:a', 'runs:b', 'seen-again'].map((key) => redisPrefix(name) + key));
  await redis.del(...keys);
  redis.disconnect();
});

describeRunLog('Redis', (kept) => redisRunLog(redis, newPipeline(), kept));
describeSeenAgain('Redis', () => redisSeenAgain(redis, newPipeline(), 100_000));

test('what came again takes some 5 MB of Redis at most, of long keys and of short ones, in any script', async () => {
  const { signal } = new AbortController();
  for (const [length, filling] of [
    [3, 'x'],
    [480, 'x'],
    [480, '客'],
  ] as const) {
    const pipeline = newPipeline();
    const notes = redisSeenAgain(redis, pipeline, 500_000);
    for (let batch = 0; batch < 3_000; batch++) {
      const duplicate = Array.from({ length: length === 3 ? 2 : 20 }, (_, n) =>
        `${batch}-${n}-`.padEnd(length, filling),
      );
      notes.note({ consumer: 'one', dataset: 'd', keys: { duplicate, stale: [] } });
    }
    await notes.last('d', 'none', signal);
    const bytes = await redis.memory('USAGE', `${redisPrefix(pipeline)}seen-again`, 'SAMPLES', 0);
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(750_000);
  }
});
