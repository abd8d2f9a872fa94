import { RetryableError } from '@tributary/shared';
import { type HttpRequest, parameterOf, withParameters } from '../request.js';

/** What a pager goes by. */
export interface PagedAnswer {
  readonly body: unknown;
  readonly records: readonly unknown[];
  /** The `Link` header, if there is one. */
  readonly link: string | undefined;
}

/**
 * Whether a page is found by its number or offset, so that records move from page to page when one before them goes away:
 * by our own count (`always`), never, or perhaps, where the API chooses the next page and the requests have to be compared.
 */
export type Counted = 'always' | 'maybe' | 'never';

/** Walks the pages of one run. Each kind of paging makes one from its settings. */
export interface Pager {
  readonly counted: Counted;
  /**
   * The number of records asked for on a page, where the API may answer a page after the last with the last one again,
   * for ever; undefined where it cannot, so that repeats are not looked for.
   */
  readonly repeatedSize: number | undefined;
  /** The request for the first page, made of the endpoint's own. */
  first(request: HttpRequest): HttpRequest;
  /**
   * The request for the page after this one; undefined if it was the last.
   * @throws RetryableError if the answer should say which page follows, and does not do so intelligibly
   * @throws FatalError if it leads to another server
   */
  next(current: HttpRequest, answer: PagedAnswer): HttpRequest | undefined;
}

/** APIs say "no more" in all these ways; none of them can name a page that follows another. */
export const isEnd = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || value === false || value === 0 || value === '0';

/** The request with the page size that the settings ask for, if they do. */
export function withSize(
  request: HttpRequest,
  { sizeParameter, size }: { sizeParameter?: string | undefined; size?: number | undefined },
): HttpRequest {
  return sizeParameter === undefined || size === undefined
    ? request
    : withParameters(request, { [sizeParameter]: size });
}

/** The request with a parameter that counts pages or records moved on. */
export const advance = (request: HttpRequest, parameter: string, by: number, first: number): HttpRequest =>
  withParameters(request, { [parameter]: Number(parameterOf(request, parameter) ?? first) + by });

/** @param path where the cursor or URL of the next page should lie in the body */
export const notUsable = (path: string, value: unknown): RetryableError =>
  new RetryableError(
    'next_page_invalid',
    `${path} should hold the next page's cursor or URL, but holds ${Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`}`,
  );
