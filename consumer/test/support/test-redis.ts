import type { LedgerPipeline, LedgerRedis } from '../../src/ledger/redis-client.js';

/**
 * What tests ask of a Redis: all that the ledger asks, and a look inside. The client of ioredis fits this port, and so does
 * that of the Redis in memory.
 */
export interface TestRedis extends Omit<LedgerRedis, 'set' | 'script' | 'pipeline'> {
  set(key: string, value: string): Promise<unknown>;
  set(key: string, value: string, unit: 'PX', milliseconds: number): Promise<unknown>;
  set(key: string, value: string, unit: 'PX', milliseconds: number, ifAbsent: 'NX'): Promise<unknown>;
  pttl(key: string): Promise<number>;
  pexpire(key: string, milliseconds: number): Promise<unknown>;
  hset(key: string, field: string, value: string): Promise<unknown>;
  script(command: 'FLUSH'): Promise<unknown>;
  script(command: 'LOAD', source: string): Promise<unknown>;
  pipeline(): TestPipeline;
}

export interface TestPipeline extends LedgerPipeline {
  hgetall(key: string): unknown;
  zrange(key: string, from: number, to: number): unknown;
}
