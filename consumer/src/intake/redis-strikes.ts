import { type Redis, redisPrefix } from '@tributary/shared';
import type { Strikes } from './suspects.js';

/** Milliseconds. A consumer that ends at its start, again and again, may be started again by a person the day after. */
const REMEMBERED = 2 * 24 * 60 * 60_000;

/** In a hash of Redis for each queue. */
export class RedisStrikes implements Strikes {
  readonly #redis: Redis;
  readonly #pipeline: string;

  constructor(redis: Redis, pipeline: string) {
    this.#redis = redis;
    this.#pipeline = pipeline;
  }

  async of(queue: string, records: readonly string[]): Promise<number[]> {
    const counts = await this.#redis.hmget(this.#keyOf(queue), ...records);
    return counts.map(Number);
  }

  async add(queue: string, records: readonly string[]): Promise<void> {
    const key = this.#keyOf(queue);
    const together = this.#redis.multi();
    for (const record of records) together.hincrby(key, record, 1);
    const answers = await together.pexpire(key, REMEMBERED).exec();
    for (const [error] of answers ?? []) if (error !== null) throw error;
  }

  async forget(queue: string, records: readonly string[]): Promise<void> {
    await this.#redis.hdel(this.#keyOf(queue), ...records);
  }

  #keyOf(queue: string): string {
    return `${redisPrefix(this.#pipeline)}strikes:${queue}`;
  }
}
