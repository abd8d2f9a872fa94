import { createHash } from 'node:crypto';
import { type PoisonError, REPLAY_HEADER, redisPrefix } from '@tributary/shared';
import type { Delivery } from '../intake/settle.js';
import type { LedgerRedis } from '../ledger/redis-client.js';
import type { Buried } from './dead-letters.js';

/** Milliseconds. A record that is still wrong after a day is buried again, so that people see it once a day. */
const REMEMBERED = 24 * 60 * 60_000;

/**
 * Remembers in Redis, by a hash of the record and the reason. The value is the number of times that the queue's dead letters were
 * found to be gone: what was remembered before the last of them counts no more.
 */
export class RedisBuried implements Buried {
  readonly #redis: Pick<LedgerRedis, 'get' | 'set' | 'del' | 'incr'>;
  readonly #pipeline: string;

  constructor(redis: Pick<LedgerRedis, 'get' | 'set' | 'del' | 'incr'>, pipeline: string) {
    this.#redis = redis;
    this.#pipeline = pipeline;
  }

  async has(delivery: Delivery, queue: string, error: PoisonError): Promise<boolean> {
    if (delivery.message.properties.headers?.[REPLAY_HEADER] !== undefined) return false;
    const [remembered, gone] = await Promise.all([
      this.#redis.get(this.#keyOf(delivery, queue, error)),
      this.#timesGone(queue),
    ]);
    if (remembered !== gone) return false;
    return (await this.#redis.get(this.#forgottenKeyOf(delivery, queue))) === null;
  }

  async add(delivery: Delivery, queue: string, error: PoisonError): Promise<void> {
    await this.#redis.set(this.#keyOf(delivery, queue, error), await this.#timesGone(queue), 'PX', REMEMBERED);
    await this.#redis.del(this.#forgottenKeyOf(delivery, queue));
  }

  async forget(delivery: Delivery, queue: string): Promise<void> {
    await this.#redis.set(this.#forgottenKeyOf(delivery, queue), '1', 'PX', REMEMBERED);
  }

  async allGone(queue: string): Promise<void> {
    await this.#redis.incr(this.#goneKeyOf(queue));
  }

  async #timesGone(queue: string): Promise<string> {
    return (await this.#redis.get(this.#goneKeyOf(queue))) ?? '0';
  }

  #goneKeyOf(queue: string): string {
    return `${redisPrefix(this.#pipeline)}buried-gone:${queue}`;
  }

  #keyOf({ message }: Delivery, queue: string, { code, message: reason }: PoisonError): string {
    return buriedKey(this.#pipeline, { queue, code, reason, content: message.content });
  }

  #forgottenKeyOf({ message }: Delivery, queue: string): string {
    const hash = createHash('sha256').update(`${queue}\n`).update(message.content);
    return `${redisPrefix(this.#pipeline)}forgotten:${hash.digest('hex')}`;
  }
}

/** What a letter says of the record that it is of. */
interface BuriedRecord {
  readonly queue: string;
  readonly code: string;
  readonly reason: string;
  readonly content: Buffer;
}

function buriedKey(pipeline: string, { queue, code, reason, content }: BuriedRecord): string {
  const hash = createHash('sha256').update(`${queue}\n${code}\n${reason}\n`).update(content);
  return `${redisPrefix(pipeline)}buried:${hash.digest('hex')}`;
}

/** Notes records of which letters were put back, where nothing else is known of any: those that come again get no second letter. */
export async function noteBuried(
  redis: Pick<LedgerRedis, 'set'>,
  pipeline: string,
  record: BuriedRecord,
): Promise<void> {
  await redis.set(buriedKey(pipeline, record), '0', 'PX', REMEMBERED);
}
