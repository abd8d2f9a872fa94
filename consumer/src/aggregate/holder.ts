import type { LedgerKeys } from '../ledger/keys.js';

/** What is asked of a Redis client; that of ioredis fits. */
export interface HolderRedis {
  set(key: string, value: string, unit: 'PX', milliseconds: number, ifAbsent: 'NX'): Promise<unknown>;
  get(key: string): Promise<string | null>;
  pexpire(key: string, milliseconds: number): Promise<unknown>;
  del(key: string): Promise<unknown>;
  sadd(key: string, member: string): Promise<unknown>;
  smembers(key: string): Promise<string[]>;
  srem(key: string, member: string): Promise<unknown>;
}

/** Milliseconds for which the aggregates are one consumer's, if it says no more that it lives. */
const LEASE = 15_000;
/** Milliseconds between two words of it, and between two attempts of another. */
export const HOLD_EVERY = 5_000;

/**
 * Which consumer keeps the aggregates up to date. The lease only says who should. That nobody else does is the sink's to make sure: each
 * writer is listed before it asks for the lease, and who has the lease fences all others on the list before it reads or writes anything. So
 * of a writer that was held up and wakes, nothing lands any more.
 */
export class AggregateHolder {
  readonly #redis: HolderRedis;
  readonly #keys: Pick<LedgerKeys, 'aggregates' | 'aggregators'>;
  readonly #writer: string;

  constructor(redis: HolderRedis, keys: Pick<LedgerKeys, 'aggregates' | 'aggregators'>, writer: string) {
    this.#redis = redis;
    this.#keys = keys;
    this.#writer = writer;
  }

  /** @returns whether this writer has the lease now */
  async take(): Promise<boolean> {
    await this.#redis.sadd(this.#keys.aggregators, this.#writer);
    const taken = await this.#redis.set(this.#keys.aggregates, this.#writer, 'PX', LEASE, 'NX');
    // A client that has lost the answer asks once more.
    if (taken === 'OK' || (await this.#redis.get(this.#keys.aggregates)) === this.#writer) return true;
    // It has asked for nothing and opened nothing: whoever has the lease need not fence it.
    await this.#redis.srem(this.#keys.aggregators, this.#writer);
    return false;
  }

  /** Whether the lease is still this writer's, for as long as it was at first. If it is not, the next holder fences this writer, and perhaps has. */
  async renew(): Promise<boolean> {
    if ((await this.#redis.get(this.#keys.aggregates)) !== this.#writer) return false;
    await this.#redis.pexpire(this.#keys.aggregates, LEASE);
    return true;
  }

  /** Fences all writers that may still write. */
  async fenceOthers(fence: (writer: string) => Promise<unknown>): Promise<void> {
    for (const writer of await this.#redis.smembers(this.#keys.aggregators)) {
      if (writer === this.#writer) continue;
      await fence(writer);
      await this.#redis.srem(this.#keys.aggregators, writer);
    }
  }

  /** Another may take it at once. */
  async giveBack(): Promise<void> {
    if ((await this.#redis.get(this.#keys.aggregates)) === this.#writer) await this.#redis.del(this.#keys.aggregates);
  }
}
