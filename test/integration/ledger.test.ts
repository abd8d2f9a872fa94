import { connectRedis, createLogger, type Redis } from '@tributary/shared';
import { afterAll, beforeAll, inject } from 'vitest';
import { describeLedger } from '../../consumer/test/ledger/conformance.js';
import { describeEpochs } from '../../consumer/test/ledger/epochs.js';
import { redisHarness } from '../../consumer/test/ledger/harness.js';
import { describeRebuilds } from '../../consumer/test/ledger/rebuilds.js';
import { describeRestarts } from '../../consumer/test/ledger/restarts.js';
import { type PrivateRedis, startPrivateRedis } from '../services/redis.js';

const log = createLogger({ service: 'consumer', instance: 'test', level: 'silent' });
const connect = (url: string): Redis => connectRedis({ url, connectionName: 'ledger test', log });

let shared: Redis;
let server: PrivateRedis;
let restartable: Redis;
beforeAll(async () => {
  shared = connect(inject('redisUrl'));
  server = await startPrivateRedis();
  restartable = connect(server.url);
});
afterAll(async () => {
  shared.disconnect();
  restartable.disconnect();
  await server.stop();
});

describeLedger('Redis', () => redisHarness(shared));
describeEpochs('Redis', async () => shared);
describeRebuilds('Redis', async () => shared);
describeRestarts('Redis', async () => ({
  redis: restartable,
  // Killed behind its snapshot, and started again at the same address: it reads the snapshot.
  restart: async () => {
    await restartable.save();
    await server.kill();
  },
}));
