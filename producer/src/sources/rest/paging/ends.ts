import { compilePath, type PagingConfig, RetryableError } from '@tributary/shared';
import { type Condition, compileCondition } from '../condition.js';
import type { PageAddress, PagedAnswer, Pager } from './pager.js';

/** How much of the pages was read before the one at hand. */
export interface Progress {
  readonly pages: number;
  readonly records: number;
  /** Empty pages right before it. */
  readonly emptyInARow: number;
  /** Some pages were answered with 304: their records are not among those counted. */
  readonly isUnchangedInPart: boolean;
}

/** After so many empty pages in a row the next empty one is the end, whatever is counted. */
const MOST_EMPTY = 2;

/** What an API tells of the whole, beside its records. */
interface Whole {
  readonly total: number;
  readonly unit: 'records' | 'pages';
  /** Where it stands, for a person. */
  readonly where: string;
}

type Answered = Omit<PagedAnswer, 'more'>;

/**
 * Finds the page after the one at hand by the pager, and by what the API tells of the end: `while`, `until`, `total`. Where
 * both disagree, an end is never taken for granted: a page may be empty because everything on it was filtered away.
 */
export class Ends {
  readonly #pager: Pager;
  readonly #while: Condition | undefined;
  readonly #until: Condition | undefined;
  readonly #settings: PagingConfig;
  readonly #total: ((body: unknown) => unknown) | undefined;

  constructor(settings: PagingConfig, pager: Pager) {
    this.#settings = settings;
    this.#pager = pager;
    this.#while = settings.while === undefined ? undefined : compileCondition(settings.while);
    this.#until = settings.until === undefined ? undefined : compileCondition(settings.until);
    this.#total = settings.total === undefined ? undefined : compilePath(settings.total).read;
  }

  /**
   * @param progress before this page
   * @param partOf what a `Content-Range` header tells of the whole, in records
   * @returns undefined if there is no page after this one
   * @throws RetryableError if the API says that there is more, and not where; and as the pager does
   */
  next(
    current: PageAddress,
    answer: Answered,
    progress: Progress,
    partOf: number | undefined,
  ): PageAddress | undefined {
    const whole = this.#wholeOf(answer.body, partOf);
    const more = this.#more(answer, progress, whole);
    if (more === false) return undefined;
    const next = this.#pager.next(current, { ...answer, more });
    if (next !== undefined || more !== true) return next;
    throw new RetryableError('next_page_missing', `${this.#reason(whole)}, but the page does not say where`);
  }

  #more({ body, records }: Answered, progress: Progress, whole: Whole | undefined): boolean | undefined {
    if (this.#until?.(body) === true) return false;
    if (this.#while !== undefined) return this.#while(body);
    if (this.#until !== undefined) return true;
    if (whole !== undefined) return this.#moreOf(whole, records.length, progress);
    // Only pages that we count can be gone on to without being told where they are.
    const goesOn = this.#pager.counted === 'always' && records.length === 0 && progress.emptyInARow < MOST_EMPTY;
    return goesOn && saysMorePages(body, progress.pages + 1) ? true : undefined;
  }

  /** A total ends pages that we count; where the API names the next page, that counts more than a total. */
  #moreOf({ total, unit }: Whole, records: number, progress: Progress): boolean | undefined {
    const pages = progress.pages + 1;
    const atTheEnd = this.#pager.counted === 'always' ? false : undefined;
    if (unit === 'pages') return pages < total ? true : atTheEnd;
    const read = progress.records + records;
    // More than all of them: the number is something else, and ends nothing. What a 304 stands for was not counted.
    if (read > total || progress.isUnchangedInPart) return undefined;
    if (read === total) return atTheEnd;
    // Some may be hidden from us: an empty page behind the last is the end, though fewer records came.
    const isEnd = records === 0 && (this.#isPastTheEnd(pages, total) || progress.emptyInARow >= MOST_EMPTY);
    return isEnd ? atTheEnd : true;
  }

  /** Whether so many pages of the size that was asked for would hold everything, were they full. */
  #isPastTheEnd(pages: number, total: number): boolean {
    const { size } = this.#settings as { readonly size?: number };
    return size !== undefined && this.#pager.counted === 'always' && pages * size >= total + size;
  }

  #wholeOf(body: unknown, partOf: number | undefined): Whole | undefined {
    const { total: path = '', totalIn } = this.#settings;
    const total = this.#total === undefined ? undefined : Number(this.#total(body) ?? Number.NaN);
    if (total !== undefined && Number.isFinite(total)) return { total, unit: totalIn, where: path };
    return partOf === undefined ? undefined : { total: partOf, unit: 'records', where: 'the Content-Range header' };
  }

  #reason(whole: Whole | undefined): string {
    if (this.#while !== undefined) return `${this.#settings.while} says that more follows`;
    if (this.#until !== undefined) return `${this.#settings.until} does not say that this is the end`;
    if (whole !== undefined) return `${whole.where} tells of ${whole.total} ${whole.unit}, which are not all here`;
    return 'the body says that more pages follow';
  }
}

/** Names that can mean nothing else. */
const PAGE_COUNTS = [
  'total_pages',
  'totalPages',
  'page_count',
  'pageCount',
  'last_page',
  'lastPage',
  'num_pages',
  'numPages',
];
/** Beside the page's own number, `pages` is how many there are. */
const ENVELOPED_COUNTS = [...PAGE_COUNTS, 'pages'];
const MORE_FLAGS = ['has_more', 'hasMore', 'has_next', 'hasNext', 'has_next_page', 'hasNextPage'];
const NEXT_URLS = ['next', 'next_url', 'nextUrl', 'next_page_url', 'nextPageUrl', 'nextLink', '@odata.nextLink'];
const ENVELOPES = [
  'meta',
  'pagination',
  'paging',
  'page',
  'page_info',
  'pageInfo',
  '_meta',
  '_page',
  'info',
  'result_info',
  'links',
  '_links',
];

/**
 * Whether a body says of itself that pages follow this one, though the settings do not name where it says so.
 * @param pages how many were read, this one included
 */
export function saysMorePages(body: unknown, pages: number): boolean {
  const saysMore = (place: unknown, counts: readonly string[]) =>
    MORE_FLAGS.some((name) => String(own(place, name)).toLowerCase() === 'true') ||
    counts.some((name) => Number(own(place, name) ?? 0) > pages) ||
    NEXT_URLS.some((name) => isUrl(own(place, name)));
  return saysMore(body, PAGE_COUNTS) || ENVELOPES.some((name) => saysMore(own(body, name), ENVELOPED_COUNTS));
}

/** A cursor alone is none: some APIs give one to go on from later. HAL has an object with the URL. */
const isUrl = (value: unknown): boolean =>
  typeof value === 'string' ? /^(https?:\/\/|\/)\S/.test(value) : typeof own(value, 'href') === 'string';

const own = (place: unknown, name: string): unknown =>
  typeof place === 'object' && place !== null && Object.hasOwn(place, name)
    ? (place as Record<string, unknown>)[name]
    : undefined;
