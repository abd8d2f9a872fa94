import { redisCursorStore, redisKnownKeys, redisLeaseTable } from '@tributary/producer';
import { Redis } from '@tributary/shared';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { describeCursorStore } from '../../producer/test/cursor/cursor-conformance.js';
import { describeKnownKeys } from '../../producer/test/cursor/known-keys-conformance.js';
import { describeLeaseTable } from '../../producer/test/leases/table-conformance.js';
import { describePublisher } from '../../producer/test/publish/publisher-conformance.js';
import { endpointWith } from '../../producer/test/support/pipeline.js';
import { uniqueName } from '../services/handle.js';
import { startCuttableWay } from './cuttable-way.js';

describePublisher(
  'RabbitMQ',
  async () => {
    const { url, cut } = await startCuttableWay(inject('amqpUrl'));
    return { url, disconnectAll: async () => cut() };
  },
  { refusesOverflow: true },
);

/** A Redis for one test, and a pipeline of its own in it. */
function openRedis() {
  const pipeline = uniqueName('stores');
  const redis = new Redis(inject('redisUrl'));
  onTestFinished(async () => {
    const keys = await redis.keys(`{${pipeline}}:*`);
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
  });
  return { redis, pipeline };
}

describeCursorStore('Redis', async () => {
  const { redis, pipeline } = openRedis();
  const open = () => redisCursorStore(redis, pipeline);
  return { store: open(), reopened: async () => open() };
});

describeLeaseTable(
  'Redis',
  async () => {
    const { redis, pipeline } = openRedis();
    return redisLeaseTable(redis, pipeline);
  },
  true,
);

test('a cursor is neither read nor saved under a lease that is another one’s by now', async () => {
  const { redis, pipeline } = openRedis();
  const endpoint = endpointWith({ url: 'http://127.0.0.1:1/' });
  const table = redisLeaseTable(redis, pipeline);
  const take = async (me: string) => (await table.claim(me, new Map([[endpoint.id, true]]), 60_000)).get(endpoint.id);
  let fence = (await take('one'))?.fence;
  const cursors = redisCursorStore(redis, pipeline, () => fence);
  await cursors.begin(endpoint, 0);
  await table.leave('one');
  await take('two');
  await expect(cursors.save(endpoint, { mark: '5', validators: [] })).rejects.toMatchObject({ code: 'lease_lost' });
  await expect(cursors.begin(endpoint, 0)).rejects.toMatchObject({ code: 'lease_lost' });
  expect(await cursors.peek(endpoint)).toEqual({ validators: [] });
  fence = undefined;
  expect((await cursors.begin(endpoint, 0)).run).toBe(2);
});

describeKnownKeys('Redis', async () => {
  const { redis, pipeline } = openRedis();
  const open = () => redisKnownKeys(redis, pipeline);
  return { store: open(), reopened: async () => open() };
});

describe('known keys in Redis', () => {
  const one = (key: string) => [{ key, version: '1', isMarked: false }];

  test('are neither noted nor forgotten under a lease that is another one’s by now', async () => {
    const { redis, pipeline } = openRedis();
    const table = redisLeaseTable(redis, pipeline);
    const take = async (me: string) => (await table.claim(me, new Map([['crm', true]]), 60_000)).get('crm');
    const fence = (await take('one'))?.fence;
    const store = redisKnownKeys(redis, pipeline, (id) => (id === 'crm' ? fence : 0));
    const keys = store.open('crm', 1, 'k');
    await keys.begin();
    await keys.note(one('a'));
    // A child is polled under the lease of its parent.
    const child = store.open('crm-lines', 1, 'k', 'crm');
    await child.begin();
    expect(await child.note(one('a'))).toBe(0);
    await table.leave('one');
    await take('two');
    const lost = { code: 'lease_lost' };
    await expect(keys.note(one('b'))).rejects.toMatchObject(lost);
    await expect(child.note(one('b'))).rejects.toMatchObject(lost);
    await expect(keys.begin()).rejects.toMatchObject(lost);
    await expect(keys.bury(one('a'))).rejects.toMatchObject(lost);
    await expect(keys.claim(one('a'), ['other'])).rejects.toMatchObject(lost);
  });

  test.each([
    ['emptied', async (redis: Redis, name: string) => void (await redis.del(name))],
    [
      'restored from an older copy',
      async (redis: Redis, name: string, older: Record<string, string>) => {
        await redis.del(name);
        await redis.hset(name, older);
      },
    ],
  ])('that were %s during a walk are told as lost: none of them is missing', async (_what, replace) => {
    const { redis, pipeline } = openRedis();
    const name = `{${pipeline}}:keys:crm`;
    const first = redisKnownKeys(redis, pipeline).open('crm', 1, 'k');
    await first.begin();
    await first.note([...one('a'), ...one('b')]);
    const keys = redisKnownKeys(redis, pipeline).open('crm', 2, 'k');
    await keys.begin();
    await keys.note(one('a'));
    const older = await redis.hgetall(name);
    await keys.note(one('b'));
    await replace(redis, name, older);
    const lost = { code: 'known_keys_lost' };
    await expect(keys.missing().next()).rejects.toMatchObject(lost);
    await expect(keys.bury(one('a'))).rejects.toMatchObject(lost);
    await expect(keys.note(one('c'))).rejects.toMatchObject(lost);
  });
});
