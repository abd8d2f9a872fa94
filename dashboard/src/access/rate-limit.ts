import { Buckets, type Clock, type Rate } from '@tributary/shared';
import type { RequestHandler } from 'express';
import { tooMany } from '../http/api-error.js';
import { addressOf } from './origin.js';

/** How often one address may ask anything: a page that shows much asks some ten times at once. */
export const ASKING: Rate = { burst: 600, perSecond: 100 };

/**
 * How often one address may ask for the page's own files, which lie in memory. A page has some ninety of them: counted with what is asked, seven
 * tabs that a person opens at once, or seven persons behind one proxy, would see broken pages.
 */
export const FILES: Rate = { burst: 5_000, perSecond: 500 };

/**
 * Answers 429 to an address that asks more often than the rate allows. All that comes through one proxy counts as one
 * address, unless TRUST_PROXY says whose word on the address is taken.
 */
export function rateLimit(rate: Rate, clock: Clock): RequestHandler {
  const buckets = new Buckets(rate, clock);
  return (request, _response, next) => {
    const address = addressOf(request);
    const wait = buckets.wait(address);
    if (wait > 0) throw tooMany('too_many_requests', 'too many requests from this address', wait);
    buckets.take(address);
    next();
  };
}
