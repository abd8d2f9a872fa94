import { RetryableError } from '@tributary/shared';
import { type HttpRequest, parameterOf, withParameters } from '../request.js';

/** What a pager needs of an answer. */
export interface PagedAnswer {
  readonly body: unknown;
  readonly records: readonly unknown[];
  /** The `Link` header, if there is one. */
  readonly link: string | undefined;
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
   * The number of records that a page should hold, if the API may repeat the last page for every page after it (see
   * RepeatCheck); undefined if it cannot.
   */
  readonly repeatedSize: number | undefined;
  /** The request for the first page, made of the endpoint's own. */
  first(request: HttpRequest): HttpRequest;
  /**
   * The request for the page after this one; undefined if it was the last.
   * @throws RetryableError if the answer should say which page follows, and what it says cannot be used
   * @throws FatalError if it leads to another server
   */
  next(current: HttpRequest, answer: PagedAnswer): HttpRequest | undefined;
}

/** Whether a cursor or URL says that no page follows. APIs use all of these values, and none of them can name a page. */
export const isEnd = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || value === false || value === 0 || value === '0';

/** The request with the page size of the settings, if they have one. */
export function withSize(
  request: HttpRequest,
  { sizeParameter, size }: { sizeParameter?: string | undefined; size?: number | undefined },
): HttpRequest {
  return sizeParameter === undefined || size === undefined
    ? request
    : withParameters(request, { [sizeParameter]: size });
}

/** The request with a counting parameter moved on. */
export const advance = (request: HttpRequest, parameter: string, by: number, first: number): HttpRequest =>
  withParameters(request, { [parameter]: Number(parameterOf(request, parameter) ?? first) + by });

/** @param path where the cursor or URL of the next page should lie in the body */
export const notUsable = (path: string, value: unknown): RetryableError =>
  new RetryableError(
    'next_page_invalid',
    `${path} should hold the next page's cursor or URL, but holds ${Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`}`,
  );
