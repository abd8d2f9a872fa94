import { isIPv6 } from 'node:net';
import type { Clock } from './clock.js';

/** How often one address may do something: `burst` times at once, and then `perSecond` times a second. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** Addresses that are remembered; beyond that the one that has been quiet longest is forgotten. */
const MOST = 10_000;

interface Bucket {
  left: number;
  at: number;
}

/** Counts by address how often something was done, and says when it may be done again. */
export class Buckets {
  readonly #rate: Rate;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Whole seconds until the address may do it; 0 if it may now. */
  wait(address: string): number {
    const { left } = this.#of(address);
    return left >= 1 ? 0 : Math.ceil((1 - left) / this.#rate.perSecond);
  }

  /** Counts one time. */
  take(address: string): void {
    this.#of(address).left -= 1;
  }

  #of(address: string): Bucket {
    const { burst, perSecond } = this.#rate;
    const key = networkOf(address);
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(key) ?? { left: burst, at: now };
    bucket.left = Math.min(burst, bucket.left + ((now - bucket.at) / 1_000) * perSecond);
    bucket.at = now;
    // The last that asked moves to the end, so the first is the one to forget.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    const [quietest] = this.#buckets.keys();
    if (this.#buckets.size > MOST && quietest !== undefined) this.#buckets.delete(quietest);
    return bucket;
  }
}

/** An address of IPv4 as itself, also where it is written as one of IPv6: all of these are in one network of 64 bits. */
function withoutMapping(address: string): string {
  const mapped = /^(?:::|(?:0{1,4}:){5})ffff:(.+)$/i.exec(address)?.[1];
  if (mapped === undefined || !isIPv6(address)) return address;
  const [high, low] = mapped.split(':').map((group) => Number.parseInt(group, 16));
  if (high === undefined || low === undefined) return mapped;
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** What counts as one client: one machine has as many IPv6 addresses as it likes, all of one network of 64 bits. */
export function networkOf(address: string): string {
  const plain = withoutMapping(address);
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = (plain.split('%')[0] ?? '').split('::');
  const front = head.split(':').filter(Boolean);
  const back = (tail ?? '').split(':').filter(Boolean);
  const groups =
    tail === undefined ? front : [...front, ...Array(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back];
  return `${groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
