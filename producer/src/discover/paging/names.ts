/** What APIs call the parameters of their pages. The usual ones come first: they are tried in this order. */

export const PAGES = [
  'page',
  'pageNumber',
  'page_number',
  'page[number]',
  'pageNo',
  'page_no',
  '_page',
  'p',
  'pg',
  'pageIndex',
  'currentPage',
];

/** With each, what the size is called beside it. */
export const OFFSETS: Readonly<Record<string, readonly string[]>> = {
  offset: ['limit', 'count', 'size'],
  skip: ['limit', 'take', 'top'],
  start: ['limit', 'rows', 'count'],
  from: ['size', 'limit'],
  startAt: ['maxResults'],
  $skip: ['$top'],
  $offset: ['$limit'],
  start_index: ['count', 'limit'],
  startIndex: ['count', 'itemsPerPage'],
  'page[offset]': ['page[limit]'],
  resultOffset: ['resultRecordCount'],
  sysparm_offset: ['sysparm_limit'],
};

/** Those that most APIs have: one is found by halves, so that a long list costs requests. */
export const USUAL_SIZES = [
  'limit',
  'per_page',
  'page_size',
  'pageSize',
  'perPage',
  'size',
  'maxResults',
  'max_results',
  'count',
  'first',
  'page[size]',
  '$top',
  'pagelen',
  'hitsPerPage',
  'take',
  'rows',
];
export const SIZES = [
  ...USUAL_SIZES,
  '$limit',
  'page[limit]',
  'top',
  'results',
  'PageSize',
  '_limit',
  'itemsPerPage',
  'items_per_page',
  'pagesize',
  'limitTo',
  'max',
  '_per_page',
  'resultRecordCount',
  'sysparm_limit',
  'page_limit',
  'pageLimit',
  'results_per_page',
  'resultsPerPage',
  'perpage',
  'per-page',
  'page-size',
  'maxPageSize',
  'batch_size',
  'batchSize',
  'num',
];

const CURSORS = [
  'cursor',
  'after',
  'page_token',
  'pageToken',
  'start_cursor',
  'starting_after',
  'next_token',
  'pagination_token',
  'token',
  'continuation',
];

/** What takes the id of the last record. */
export const AFTER_LAST = [
  'starting_after',
  'after',
  'after_id',
  'since_id',
  'last_id',
  'start_after',
  'startAfter',
  'afterId',
  'cursor',
  'from_id',
  'id_after',
];

/** The same, where the newest records come first. */
export const BEFORE_LAST = ['before', 'before_id', 'id_before', 'beforeId', 'until_id', 'older_than', 'to_id'];

/** Beside a number of the next page, the page's own parameter. */
const OF_PAGES = ['page', 'pageNumber', 'page_number', 'p'];

/**
 * What the parameter of a cursor may be called, by what the answer calls it: `nextPageToken` goes back as `pageToken`, or as it is.
 * @param given the parameters that the request has already
 */
export function cursorParameters(name: string, isNumber: boolean, given: readonly string[]): string[] {
  const bare = name.replace(/^_+/, '');
  const stripped = bare.replace(/^next_?|_?next$/i, '').replace(/^./, (letter) => letter.toLowerCase());
  const known = given.filter((one) => /cursor|token|after|continuation|marker|bookmark|page/i.test(one));
  const own = /offset|start$/i.test(stripped)
    ? [stripped, 'offset', 'start']
    : /page$|pageNumber$/i.test(stripped)
      ? OF_PAGES
      : [];
  const words = /cursor$/i.test(stripped) && stripped.toLowerCase() !== 'cursor' ? ['cursor', 'after'] : [];
  const usual = isNumber && own.length > 0 ? [] : CURSORS;
  const ordered = [
    ...known,
    ...(/^(end|after)_?cursor$/i.test(bare) ? words : []),
    stripped,
    bare,
    ...own,
    ...words,
    ...usual,
  ];
  return [...new Set(ordered.filter((one) => one !== ''))];
}

/** Of names that do the same, the one that does it: asks for all at once, and then for half of them. */
export async function findName(
  names: readonly string[],
  works: (names: readonly string[]) => Promise<boolean>,
): Promise<string | undefined> {
  if (names.length === 0 || !(await works(names))) return undefined;
  let left = names;
  while (left.length > 1) {
    const half = left.slice(0, Math.ceil(left.length / 2));
    left = (await works(half)) ? half : left.slice(half.length);
  }
  return left[0];
}
