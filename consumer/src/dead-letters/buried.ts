import { createHash } from 'node:crypto';
import { type PoisonError, REPLAY_HEADER, type Redis, redisPrefix } from '@tributary/shared';
import type { Delivery } from '../intake/settle.js';

/** Milliseconds: what is still wrong with a record is told once a day. */
const REMEMBERED = 24 * 60 * 60_000;

/**
 * Remembers what lies with the dead letters. An API that is polled in full sends the same bad record with every poll; one
 * letter of it is enough. Noted after the letter is confirmed: what is forgotten, or a crash in between, makes one more.
 */
export class Buried {
  constructor(
    private readonly redis: Redis,
    private readonly pipeline: string,
  ) {}

  /** Whether the same record has been buried with the same reason. One that a person replayed is buried anew. */
  async has(delivery: Delivery, queue: string, error: PoisonError): Promise<boolean> {
    if (delivery.message.properties.headers?.[REPLAY_HEADER] !== undefined) return false;
    return (await this.redis.get(this.#keyOf(delivery, queue, error))) !== null;
  }

  async add(delivery: Delivery, queue: string, error: PoisonError): Promise<void> {
    await this.redis.set(this.#keyOf(delivery, queue, error), '1', 'PX', REMEMBERED);
  }

  #keyOf({ message }: Delivery, queue: string, { code, message: reason }: PoisonError): string {
    const hash = createHash('sha256').update(`${queue}\n${code}\n${reason}\n`).update(message.content);
    return `${redisPrefix(this.pipeline)}buried:${hash.digest('hex')}`;
  }
}
