import { randomBytes } from 'node:crypto';
import type { Clock } from '@tributary/shared';
import { rebuildLockKey } from '../ledger/keys.js';
import type { LedgerRedis } from '../ledger/redis-client.js';

const LOCK_MILLISECONDS = 15_000;

export interface LockOptions {
  readonly redis: Pick<LedgerRedis, 'set' | 'eval' | 'pttl' | 'pexpire'>;
  readonly pipeline: string;
  readonly clock: Clock;
}

/** Lets one consumer of a pipeline rebuild the ledger at a time. It is renewed until it is released, and runs out after a crash. */
export class RebuildLock {
  readonly #options: LockOptions;
  readonly #key: string;
  readonly #token: string;
  readonly #released = new AbortController();

  private constructor(options: LockOptions, token: string) {
    this.#options = options;
    this.#key = rebuildLockKey(options.pipeline);
    this.#token = token;
  }

  /** @returns the lock, or undefined if another consumer has it */
  static async take(options: LockOptions): Promise<RebuildLock | undefined> {
    const { redis, pipeline } = options;
    const token = randomBytes(8).toString('hex');
    const taken = await redis.set(rebuildLockKey(pipeline), token, 'PX', LOCK_MILLISECONDS, 'NX');
    if (taken !== 'OK') {
      await boundToItsLength(options);
      return undefined;
    }
    const lock = new RebuildLock(options, token);
    void lock.#keep();
    return lock;
  }

  /**
   * Sets a key, if the lock is still held. A consumer that was held up for longer than its lock lasts must not publish what
   * it has built: another has begun a newer epoch. Nor must it if the key is there: a person has doubted the ledger meanwhile.
   * @param value is given once: where it is there already, the answer to the same command was lost, and it was sent again
   * @returns whether it was set
   */
  async publish(key: string, value: string): Promise<boolean> {
    const set = `
      if redis.call('GET', KEYS[2]) == ARGV[2] then return 1 end
      if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
      redis.call('SET', KEYS[2], ARGV[2])
      return 1`;
    return (await this.#options.redis.eval(set, 2, this.#key, key, this.#token, value)) === 1;
  }

  async release(): Promise<void> {
    this.#released.abort();
    const remove = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end";
    await this.#options.redis.eval(remove, 1, this.#key, this.#token);
  }

  /** Renews the lock only while its own token is in it, so that it never keeps alive the lock of a successor. */
  async #keep(): Promise<void> {
    const { redis, clock } = this.#options;
    const { signal } = this.#released;
    const extend = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end";
    for (;;) {
      await clock.sleep(LOCK_MILLISECONDS / 3, signal);
      if (signal.aborted) return;
      await redis.eval(extend, 1, this.#key, this.#token, LOCK_MILLISECONDS).catch(() => {});
    }
  }
}

/**
 * A lock that lasts longer than locks do was taken before the clock of Redis was set back. It lasts its length from now on: a
 * holder that lives renews it, and a rebuild does not wait for a dead one until the clock has caught up.
 */
async function boundToItsLength({ redis, pipeline }: LockOptions): Promise<void> {
  const key = rebuildLockKey(pipeline);
  if ((await redis.pttl(key)) > LOCK_MILLISECONDS) await redis.pexpire(key, LOCK_MILLISECONDS);
}
