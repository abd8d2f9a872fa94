import { systemClock } from '@tributary/shared';
import type { Redis } from 'ioredis';
import type { PrivateRedis } from '../../../services/redis.js';
import type { PrivateSentinel } from '../../../services/sentinel.js';
import { withRedis } from '../redis.js';
import { until } from '../until.js';

/** Milliseconds between two questions which of both is the master. */
const EVERY = 300;

/** Milliseconds for a failover. A Sentinel that finds that it was suspended itself does nothing for 30 s. */
const FAILOVER = 60_000;

/** A port on which nobody listens. */
const NOWHERE = '1';

/** A Redis that a Sentinel watches, as one server: whichever of both is the master. What is done to it is done to the master. */
export class WatchedRedis implements PrivateRedis {
  readonly #set: PrivateSentinel;
  readonly #over = new AbortController();
  #master: PrivateRedis;
  #paused: PrivateRedis | undefined;
  #down: PrivateRedis | undefined;

  constructor(set: PrivateSentinel) {
    this.#set = set;
    this.#master = set.master;
    void this.#watch();
  }

  get url(): string {
    return this.#master.url;
  }

  /** As of REDIS_URL. */
  get sentinel(): string {
    return this.#set.url;
  }

  get how(): string {
    return `${this.#set.master.how}, with a replica and a Sentinel`;
  }

  get folder(): string {
    return this.#master.folder;
  }

  async flush(): Promise<void> {
    await this.#untilMaster((client) => client.flushall());
  }

  async down(): Promise<void> {
    await this.#look();
    this.#down = this.#master;
    await this.#down.down();
  }

  /** Resolves when there is a master. It may be the other one by then. */
  async up(): Promise<void> {
    await this.#down?.up();
    this.#down = undefined;
    await this.#untilMaster((client) => client.ping());
  }

  async restart(): Promise<void> {
    await this.#master.restart();
  }

  async kill(): Promise<void> {
    await this.down();
    await this.up();
  }

  pause(): void {
    this.#paused = this.#master;
    this.#paused.pause();
  }

  resume(): void {
    this.#paused?.resume();
    this.#paused = undefined;
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#set.stop();
  }

  /** From now on the replica gets nothing that is written, until it takes over or the Sentinel mends it. */
  async cutReplication(): Promise<void> {
    const { replica } = await this.#set.roles();
    await withRedis(replica.url, (client) => client.replicaof('127.0.0.1', NOWHERE));
  }

  /** @returns whether another master was found within a minute, after something happened to `before` */
  async failedOver(before: string, signal: AbortSignal): Promise<boolean> {
    for (const deadline = performance.now() + FAILOVER; performance.now() < deadline && !signal.aborted; ) {
      await this.#look();
      if (this.#master.url !== before) return true;
      await systemClock.sleep(EVERY, signal);
    }
    return false;
  }

  async #untilMaster(use: (client: Redis) => Promise<unknown>): Promise<void> {
    const lacking = async () => {
      await this.#look();
      await withRedis(this.url, async (client) => {
        const info = await client.info('replication');
        if (!info.includes('role:master')) throw new Error('it is a replica');
        await use(client);
      });
      return undefined;
    };
    const options = { timeout: FAILOVER, signal: this.#over.signal, every: EVERY };
    await until('Redis has a master that answers', lacking, options);
  }

  async #look(): Promise<void> {
    this.#master = (await this.#set.roles()).master;
  }

  async #watch(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#look().catch(() => {});
      await systemClock.sleep(EVERY, this.#over.signal);
    }
  }
}
