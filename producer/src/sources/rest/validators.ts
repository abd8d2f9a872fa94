import type { Validator } from '../port.js';
import type { Secrets } from './auth/secrets.js';
import type { PageAddress } from './paging/pager.js';

/** How the API identified the content of a page that was read (RFC 9110, section 8.8). */
export interface PageValidator {
  /** The page's URL, without secrets. */
  readonly url: string;
  readonly etag?: string;
  readonly lastModified?: string;
  /** The page that followed, as it is kept: a 304 has no body to find it in. */
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
 * @param url the page's URL as it is kept
 * @param next the page that follows, as it is kept
 */
export function validatorOf(
  url: string,
  headers: Readonly<Record<string, string>>,
  next?: string,
): PageValidator | undefined {
  const { etag, 'last-modified': lastModified, date } = headers;
  const following = next === undefined ? {} : { next };
  if (etag !== undefined) return { url, etag, ...following };
  // Last-Modified counts seconds. A page may change again within the second of the answer and keep its date, so a date of
  // that second proves nothing (RFC 9110, section 8.8.2.2).
  const age = Date.parse(date ?? '') - Date.parse(lastModified ?? '');
  return lastModified !== undefined && age >= 1_000 ? { url, lastModified, ...following } : undefined;
}

/** A page's place as it is kept: without secrets. @returns undefined if there is no way to keep it so */
export function keepAddress(page: PageAddress, secrets: Secrets): string | undefined {
  if ('address' in page) {
    const address = secrets.withhold(page.address);
    return address === undefined ? undefined : JSON.stringify({ address });
  }
  const { cursor, ...values } = page.values;
  const kept = JSON.stringify({ values: { ...values, ...(cursor === undefined ? {} : { cursor: String(cursor) }) } });
  return secrets.concealForeign(kept) === kept ? kept : undefined;
}

/** The reverse of {@link keepAddress}; undefined for what it did not make. */
export function keptAddress(kept: string, secrets: Secrets): PageAddress | undefined {
  const { address, values } = JSON.parse(kept) as { address?: string; values?: Record<string, string | number> };
  if (values !== undefined) return { values };
  const revealed = address === undefined ? undefined : secrets.reveal(address);
  return revealed === undefined ? undefined : { address: revealed };
}
