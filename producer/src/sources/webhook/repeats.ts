import { createHash } from 'node:crypto';

/** Events that are remembered, of all endpoints. */
const MOST = 10_000;

/**
 * Notices that an event was taken before, by its bytes: a sender that repeats sends the same. It is only counted, and goes on: what is
 * remembered here may be of a producer that lost it, and the consumer knows what it has.
 */
export class Repeats {
  readonly #known = new Set<string>();

  /** Whether this producer has taken it before. */
  has(endpoint: string, body: Buffer): boolean {
    return this.#known.has(nameOf(endpoint, body));
  }

  /** It was taken. */
  add(endpoint: string, body: Buffer): void {
    const name = nameOf(endpoint, body);
    // The last one moves to the end, so the first is the one to forget.
    this.#known.delete(name);
    this.#known.add(name);
    const [oldest] = this.#known;
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
  }
}

const nameOf = (endpoint: string, body: Buffer): string =>
  `${endpoint} ${createHash('sha256').update(body).digest('base64')}`;
