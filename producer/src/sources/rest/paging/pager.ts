import { type PagePlaceholder, RetryableError } from '@tributary/shared';
import type { Address } from '../request/address.js';

/** A cursor as an API gives it; a number beyond 2^53 is exact. */
export type Cursor = string | number | { toString(): string };

/** What the placeholders of paging are filled in with: an entry for each in the table of pagings. */
interface PageValues {
  readonly page: number;
  readonly offset: number;
  readonly cursor: Cursor;
}

/** Where a page is: what the request is filled in with, or an address that the API gave. */
export type PageAddress =
  | { readonly values: Partial<Pick<PageValues, PagePlaceholder>> }
  | { readonly address: Address };

/** What a pager needs of an answer. */
export interface PagedAnswer {
  readonly body: unknown;
  readonly records: readonly unknown[];
  /** The `Link` header, if there is one. */
  readonly link: string | undefined;
  /** The address that was asked. */
  readonly asked: Address;
  /** Whether the settings tell that more follows (`while`, `until`, `total`); undefined if they do not tell. */
  readonly more: boolean | undefined;
}

/**
 * Whether pages are found by their number or offset. Records on such pages move to an earlier page when one before them
 * goes away. `always`: the pager counts. `never`: it does not. `maybe`: the API chooses the next page, and only comparing the
 * requests shows whether it counts.
 */
export type Counted = 'always' | 'maybe' | 'never';

/** Walks the pages of one run. Each kind of paging makes one from its settings. */
export interface Pager {
  readonly counted: Counted;
  /**
   * Whether the API may answer a page after the last with the last one again, for ever, so that repeats are looked for.
   */
  readonly mayRepeat: boolean;
  /** The next page is named by a header, which a 304 may bring anew. */
  readonly isByHeader?: true;
  readonly first: PageAddress;
  /**
   * The page after this one; undefined if it was the last.
   * @throws RetryableError if the answer should say which page follows, and does not do so intelligibly
   * @throws FatalError if it leads to another server
   */
  next(current: PageAddress, answer: PagedAnswer): PageAddress | undefined;
}

/** APIs say "no more" in all these ways; none of them can name a page that follows another. */
export const isEnd = (value: unknown): value is undefined | null | false | '' | 0 | '0' =>
  value === undefined || value === null || value === '' || value === false || value === 0 || value === '0';

/** A number that a page is asked for with. */
export const countOf = (address: PageAddress, name: 'page' | 'offset', first: number): number =>
  ('values' in address ? address.values[name] : undefined) ?? first;

/** @param path where the cursor or URL of the next page should lie in the body */
export const notUsable = (path: string, value: unknown): RetryableError =>
  new RetryableError(
    'next_page_invalid',
    `${path} should hold the next page's cursor or URL, but holds ${Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`}`,
  );
