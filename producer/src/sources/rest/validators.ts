import type { Validator } from '../port.js';

/** How the API identified the content of a page that was read (RFC 9110, section 8.8). */
export interface PageValidator {
  /** The page's URL, without secrets. */
  readonly url: string;
  readonly etag?: string;
  readonly lastModified?: string;
  /** The URL of the page that followed, without secrets: a 304 has no body to find it in. */
  readonly next?: string;
}

/** The validators of the last run by URL. Objects that are not page validators are left out. */
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
 * The validator that an answer gives for the next run.
 *
 * @param url the page's URL, without secrets
 * @param next the URL of the page that follows, without secrets
 */
export function validatorOf(
  url: string,
  headers: Readonly<Record<string, string>>,
  next: string | undefined,
): PageValidator | undefined {
  const { etag, 'last-modified': lastModified, date } = headers;
  const following = next === undefined ? {} : { next };
  if (etag !== undefined) return { url, etag, ...following };
  // Last-Modified counts seconds. A page may change again within the second of the answer and keep its date, so a date of
  // that second proves nothing (RFC 9110, section 8.8.2.2).
  const age = Date.parse(date ?? '') - Date.parse(lastModified ?? '');
  return lastModified !== undefined && age >= 1_000 ? { url, lastModified, ...following } : undefined;
}
