import { connectRedis, createLogger, type Redis } from '@tributary/shared';
import { startStandIns } from '../../../tributary/src/embedded/stand-ins.js';

export interface RedisStandIn {
  readonly url: string;
  readonly redis: Redis;
  stop(): Promise<void>;
}

/** A real Valkey, compiled to WebAssembly, in a process of its own: as in embedded mode. */
export async function startRedisStandIn(): Promise<RedisStandIn> {
  const { redisUrl, stop } = await startStandIns();
  const log = createLogger({ service: 'consumer', instance: 'test', level: 'silent' });
  const redis = connectRedis({ url: redisUrl, connectionName: 'test', log });
  return {
    url: redisUrl,
    redis,
    async stop() {
      redis.disconnect();
      await stop();
    },
  };
}
