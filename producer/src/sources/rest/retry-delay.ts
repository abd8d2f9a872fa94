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
