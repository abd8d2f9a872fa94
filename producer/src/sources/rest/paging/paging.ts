import { FatalError, type PagingConfig, RetryableError, redactUrl } from '@tributary/shared';
import { valueAt } from '../formats/body-path.js';
import { linkTarget } from './link-header.js';

/** What a pager goes by. */
export interface PagedAnswer {
  readonly body: unknown;
  readonly records: readonly unknown[];
  /** The `Link` header, if there is one. */
  readonly link: string | undefined;
}

/** Walks the pages of one run. */
export interface Pager {
  /** The first page, given the endpoint's URL with its query. */
  first(url: URL): URL;
  /**
   * The page after this one; undefined if it was the last.
   * @throws RetryableError if the answer should say which page follows, and does not do so intelligibly
   * @throws FatalError if it leads to another server
   */
  next(current: URL, answer: PagedAnswer): URL | undefined;
}

export function createPager(paging: PagingConfig): Pager {
  switch (paging.type) {
    case 'none':
      return { first: (url) => url, next: () => undefined };
    case 'cursor':
      return {
        first: (url) => withSize(url, paging),
        next(current, { body }) {
          const cursor = valueAt(body, paging.next);
          if (isEnd(cursor)) return undefined;
          if (typeof cursor !== 'string' && typeof cursor !== 'number') throw notUsable(paging.next, cursor);
          return withParameters(current, { [paging.parameter]: cursor });
        },
      };
    // Both go on until a page is empty. A short page is no sign of the end: servers cap the size that is asked for, and
    // some filter a page after cutting it. Ending there would lose what follows without a word.
    case 'page':
      return {
        first: (url) => withParameters(withSize(url, paging), { [paging.parameter]: paging.first }),
        next: (current, { records }) =>
          records.length === 0 ? undefined : advance(current, paging.parameter, 1, paging.first),
      };
    case 'offset':
      return {
        first: (url) => withParameters(withSize(url, paging), { [paging.parameter]: 0 }),
        next: (current, { records }) =>
          records.length === 0 ? undefined : advance(current, paging.parameter, records.length, 0),
      };
    case 'link':
      return {
        first: (url) => withSize(url, paging),
        next(current, { link }) {
          const target = link === undefined ? undefined : linkTarget(link, 'next');
          return target === undefined ? undefined : follow(current, target, 'the Link header');
        },
      };
    case 'next-url':
      return {
        first: (url) => withSize(url, paging),
        next(current, { body }) {
          const target = valueAt(body, paging.next);
          if (isEnd(target)) return undefined;
          if (typeof target !== 'string') throw notUsable(paging.next, target);
          return follow(current, target, paging.next);
        },
      };
  }
}

/** APIs say "no more" in all these ways; none of them can name a page that follows another. */
const isEnd = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || value === false || value === 0 || value === '0';

function withParameters(url: URL, parameters: Readonly<Record<string, string | number>>): URL {
  const changed = new URL(url);
  for (const [name, value] of Object.entries(parameters)) changed.searchParams.set(name, String(value));
  return changed;
}

function withSize(
  url: URL,
  { sizeParameter, size }: { sizeParameter?: string | undefined; size?: number | undefined },
) {
  return sizeParameter === undefined || size === undefined ? url : withParameters(url, { [sizeParameter]: size });
}

/** As far as its name and its value can tell, this parameter counts pages or records. */
const COUNTER = /^_?(page|p|offset|start|skip|start_?at|from|page\[?(number|offset)\]?)$/i;

/** Whether pages may be found by their number: any but a cursor is, or may be, and so is one that is called an offset. */
export const mayCount = (paging: PagingConfig): boolean =>
  paging.type === 'cursor' ? COUNTER.test(paging.parameter) : paging.type !== 'none';

/** Whether a page is found by its number or its offset, also where the API itself names the next page's URL. */
export function isCounted(paging: PagingConfig, previous: URL | undefined, current: URL): boolean {
  if (previous === undefined || !mayCount(paging)) return false;
  if (paging.type === 'page' || paging.type === 'offset') return true;
  const isNumber = (value: string | null) => value === null || /^\d{1,9}$/.test(value);
  return [...current.searchParams].some(([name, value]) => {
    const before = previous.searchParams.get(name);
    return COUNTER.test(name) && value !== before && isNumber(value) && isNumber(before);
  });
}

const advance = (url: URL, parameter: string, by: number, first: number): URL =>
  withParameters(url, { [parameter]: Number(url.searchParams.get(parameter) ?? first) + by });

/** An API that sends us elsewhere would be sent our credentials there, and could reach into our network. */
function follow(current: URL, target: string, where: string): URL {
  const next = URL.canParse(target, current.href) ? new URL(target, current) : undefined;
  if (next === undefined) {
    throw new RetryableError('next_page_invalid', `${where} should hold the next page's URL, but holds no URL`);
  }
  if (next.origin !== current.origin) {
    throw new FatalError(
      'next_page_elsewhere',
      `${where} leads to another server, ${redactUrl(next.href)}; it is not followed there. If that is the API's real address, put it into the endpoint's url`,
    );
  }
  next.username = '';
  next.password = '';
  next.hash = '';
  return next;
}

const notUsable = (path: string, value: unknown): RetryableError =>
  new RetryableError(
    'next_page_invalid',
    `${path} should hold the next page's cursor or URL, but holds ${Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`}`,
  );
