import type { Validator } from '../../cursor/cursor.js';

/** The headers that ask for a page only if it has changed (RFC 9110, section 13.1). */
export function conditionsOf(validator: Validator | undefined): Record<string, string> {
  if (validator?.etag !== undefined) return { 'if-none-match': validator.etag };
  if (validator?.lastModified !== undefined) return { 'if-modified-since': validator.lastModified };
  return {};
}

/**
 * What an answer gives to ask with next time.
 *
 * @param url the page's URL as it is kept
 * @param next the URL of the page that follows, as it is kept
 */
export function validatorOf(
  url: string,
  headers: Readonly<Record<string, string>>,
  next: string | undefined,
): Validator | undefined {
  const { etag, 'last-modified': lastModified, date } = headers;
  const following = next === undefined ? {} : { next };
  if (etag !== undefined) return { url, etag, ...following };
  // Last-Modified counts seconds. What changed in the second of the answer may change again in it, unseen, so such a
  // date is not to be relied on (RFC 9110, section 8.8.2.2).
  const age = Date.parse(date ?? '') - Date.parse(lastModified ?? '');
  return lastModified !== undefined && age >= 1_000 ? { url, lastModified, ...following } : undefined;
}
