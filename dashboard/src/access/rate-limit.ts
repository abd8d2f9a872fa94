import type { Clock } from '@tributary/shared';
import type { RequestHandler } from 'express';
import { ApiError } from '../http/api-error.js';

/** How often one address may ask: `burst` times at once, and then `perSecond` times a second. */
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

/**
 * Answers 429 to an address that asks more often than the rate allows. All that comes through one proxy counts as one
 * address: a client can write any header, so no header is believed.
 */
export function rateLimit({ burst, perSecond }: Rate, clock: Clock): RequestHandler {
  const buckets = new Map<string, Bucket>();

  return (request, response, next) => {
    const address = request.socket.remoteAddress ?? '';
    const now = clock.monotonic();
    const bucket = buckets.get(address) ?? { left: burst, at: now };
    bucket.left = Math.min(burst, bucket.left + ((now - bucket.at) / 1_000) * perSecond);
    bucket.at = now;
    // The last that asked moves to the end, so the first is the one to forget.
    buckets.delete(address);
    buckets.set(address, bucket);
    const [quietest] = buckets.keys();
    if (buckets.size > MOST && quietest !== undefined) buckets.delete(quietest);
    if (bucket.left < 1) {
      const wait = Math.ceil((1 - bucket.left) / perSecond);
      response.set('Retry-After', String(wait));
      throw new ApiError(429, 'too_many_requests', `too many requests from this address; try again in ${wait} s`);
    }
    bucket.left -= 1;
    next();
  };
}
