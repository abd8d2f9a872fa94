import type { LedgerRedis } from '../ledger/redis-client.js';

const WRITES_AT_ONCE = 1_000;

/** Writes to Redis without a round trip for each command, and without holding all commands in memory at once. */
export class BulkWriter {
  readonly #redis: Pick<LedgerRedis, 'pipeline'>;
  #pipeline;

  constructor(redis: Pick<LedgerRedis, 'pipeline'>) {
    this.#redis = redis;
    this.#pipeline = redis.pipeline();
  }

  hset(key: string, field: string, value: string): Promise<void> | undefined {
    this.#pipeline.hset(key, field, value);
    return this.#afterWrite();
  }

  zadd(key: string, member: string, score = 0): Promise<void> | undefined {
    this.#pipeline.zadd(key, score, member);
    return this.#afterWrite();
  }

  /** @throws Error if Redis has refused one of the commands */
  async flush(): Promise<void> {
    const results = (await this.#pipeline.exec()) ?? [];
    const failure = results.find(([error]) => error !== null)?.[0];
    if (failure) throw failure;
    this.#pipeline = this.#redis.pipeline();
  }

  #afterWrite(): Promise<void> | undefined {
    return this.#pipeline.length >= WRITES_AT_ONCE ? this.flush() : undefined;
  }
}
