/** The longest wait for an API that asks for one, in milliseconds. */
const MAX_RETRY_AFTER = 300_000;
/** The longest wait between two tries, in milliseconds, unless the first is longer already. */
const MAX_DELAY = 300_000;

/**
 * What a `Retry-After` header asks for (RFC 9110, section 10.2.3: seconds, or a date), in milliseconds, at most five
 * minutes; 0 if it asks for nothing that can be read.
 *
 * @param now milliseconds since the epoch
 */
export function retryAfter(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  const text = header.trim();
  const wait = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(wait) ? 0 : Math.min(Math.max(wait, 0), MAX_RETRY_AFTER);
}

/**
 * How long to wait before trying again, in milliseconds: anything up to twice as much with each try ("full jitter"; AWS
 * Architecture Blog, "Exponential Backoff And Jitter"). Clients that failed together must not come again together.
 *
 * @param delay the longest wait before the first try again, in milliseconds
 * @param attempt how often it has been tried, from 1
 * @param random from 0 to 1
 */
export function backoff(delay: number, attempt: number, random: number): number {
  return Math.floor(random * Math.min(delay * 2 ** (attempt - 1), Math.max(delay, MAX_DELAY)));
}
