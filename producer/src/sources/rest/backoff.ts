/** The longest wait between two tries, in milliseconds, unless the first is longer already. */
const MAX_DELAY = 300_000;

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
