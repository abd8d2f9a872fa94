/** The longest an API is waited for because it asked to be. */
const MAX_RETRY_AFTER = 300_000;

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
