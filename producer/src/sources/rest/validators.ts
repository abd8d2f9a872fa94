import type { Validator } from '../port.js';

/** What the API said of a page when it was last read (RFC 9110, section 8.8). It makes the next request conditional. */
export interface PageValidator {
  /** The page's URL as it is kept. */
  readonly url: string;
  readonly etag?: string;
  readonly lastModified?: string;
  /** The URL of the page that followed, as it is kept: a 304 has no body to find it in. */
  readonly next?: string;
}

/** Those of the last run, by URL. What was not made here is left out: then the page is asked for without conditions. */
export const validatorsByUrl = (validators: readonly Validator[]): ReadonlyMap<string, PageValidator> =>
  new Map(validators.filter(isPageValidator).map((validator) => [validator.url, validator]));

function isPageValidator(value: object): value is PageValidator {
  const { url, etag, lastModified, next } = value as Record<string, unknown>;
  const isOptionalText = (field: unknown) => field === undefined || typeof field === 'string';
  return typeof url === 'string' && [etag, lastModified, next].every(isOptionalText);
}

/** The headers that ask for a page only if it has changed (RFC 9110, section 13.1). */
export function conditionsOf(validator: PageValidator | undefined): Record<string, string> {
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
): PageValidator | undefined {
  const { etag, 'last-modified': lastModified, date } = headers;
  const following = next === undefined ? {} : { next };
  if (etag !== undefined) return { url, etag, ...following };
  // Last-Modified counts seconds. What changed in the second of the answer may change again in it, unseen, so such a
  // date is not to be relied on (RFC 9110, section 8.8.2.2).
  const age = Date.parse(date ?? '') - Date.parse(lastModified ?? '');
  return lastModified !== undefined && age >= 1_000 ? { url, lastModified, ...following } : undefined;
}
