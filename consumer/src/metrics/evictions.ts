import { Gauge, type Redis, type Registry } from '@tributary/shared';

/** Milliseconds: a request for the metrics must not wait for a Redis that hangs. */
const TIMEOUT = 1_000;

/** Adds what Redis says about evictions, asked when the metrics are read. A ledger that loses keys has holes. */
export function measureEvictions(registry: Registry, redis: Redis): void {
  const registers = [registry];
  const evicts = new Gauge({
    name: 'tributary_redis_may_evict',
    help: '1 if the maxmemory-policy of Redis lets it evict keys, which the ledger cannot bear; 0 for noeviction',
    registers,
  });
  new Gauge({
    name: 'tributary_redis_evicted_keys',
    help: 'Keys that Redis has evicted since it started',
    registers,
    async collect() {
      const info = await readInfo(redis);
      const evicted = /^evicted_keys:(\d+)/m.exec(info)?.[1];
      const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
      if (evicted !== undefined) this.set(Number(evicted));
      if (policy !== undefined) evicts.set(policy === 'noeviction' ? 0 : 1);
    },
  });
}

/** What INFO tells; nothing if Redis is away or does not answer, because the client's commands wait for it without end. */
async function readInfo(redis: Redis): Promise<string> {
  if (redis.status !== 'ready') return '';
  const late = new Promise<string>((resolve) => setTimeout(resolve, TIMEOUT, '').unref());
  return await Promise.race([redis.info().catch(() => ''), late]);
}
