/** The longest wait between two attempts, in milliseconds, unless the first wait may be longer. */
const MAX_DELAY = 300_000;

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
