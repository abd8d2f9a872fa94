/** The longest wait between two attempts, in milliseconds, unless the first wait may be longer. */
const MAX_DELAY = 300_000;

/**
 * The wait that a `Retry-After` header asks for (RFC 9110, section 10.2.3: seconds, or a date), in milliseconds; 0 if it
 * cannot be read.
 *
 * @param now milliseconds since the epoch
 * @param most the longest wait that is heeded, in milliseconds
 */
export function retryAfter(header: string | undefined, now: number, most: number): number {
  if (header === undefined) return 0;
  const text = header.trim();
  const wait = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(wait) ? 0 : Math.min(Math.max(wait, 0), most);
}

/**
 * How long to wait before the next attempt, in milliseconds: a random time below a limit that doubles with each attempt
 * ("full jitter"; AWS Architecture Blog, "Exponential Backoff And Jitter"). Without it, clients that failed together would
 * come again together.
 *
 * @param delay the longest wait after the first attempt, in milliseconds
 * @param attempt how many attempts have failed, from 1
 * @param random from 0 to 1
 */
export function backoff(delay: number, attempt: number, random: number): number {
  return Math.floor(random * Math.min(delay * 2 ** (attempt - 1), Math.max(delay, MAX_DELAY)));
}
