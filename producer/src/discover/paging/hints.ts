import { decode } from '../ask/settings.js';
import type { Settings } from '../guess.js';
import { type Beside, isUrl } from './envelope.js';
import { cursorParameters } from './names.js';

/** A way to the next page that an answer hints at. */
export type Hint =
  | { readonly kind: 'link' | 'next-url'; readonly paging: Settings; readonly reason: string; readonly url: string }
  | {
      readonly kind: 'cursor';
      readonly paging: Settings;
      readonly reason: string;
      readonly value: string | number;
      readonly names: readonly string[];
    };

/** What an answer says of its end, and of how much there is. */
export interface Told {
  /** `while` or `until`, as paging has them. */
  readonly flags: Settings;
  /** Whether more pages follow; undefined if nothing says so. */
  readonly more: boolean | undefined;
  readonly totalRecords: Beside | undefined;
  readonly totalPages: Beside | undefined;
  /** The number of this page, or of the records before it, as the answer repeats it. */
  readonly page: Beside | undefined;
  readonly offset: Beside | undefined;
  /** An address of the next page is told of, and there is none: this page is the last. */
  readonly saysEnd: Beside | undefined;
}

const MORE =
  /^(has_?_?(more|next)(_?page|_?items|_?results)?|more|more_?(data|available|items|results|records)|moreresultsavailable|is_?truncated|exceeded_?transfer_?limit|truncated)$/i;
const LAST =
  /^(is_?last(_?page)?|last|done|end_?of_?(stream|list|results|records)|finished|complete|is_?(done|finished|end)|no_?more|last_?page_?reached)$/i;
const TOTAL_RECORDS =
  /^(total|count|total_?(count|records|results|items|size|elements|hits|entries|rows|number)|(record|item|result|row)s?_?(count|total)|num_?(found|results|records)|size_?total|@odata\.count|__count|matched|numberMatched|totalResults|nb_?hits|hits|value)$/i;
const TOTAL_PAGES =
  /^(total_?pages|pages?_?(count|total)|pages|last_?page|num_?pages|number_?of_?pages|nb_?pages|max_?page)$/i;
const PAGE = /^(page|current_?page|page_?(number|no|index|num)|number|pageNumber)$/i;
const OFFSET = /^(offset|skip|start|start_?(at|index)|from|startIndex|first_?result)$/i;
const NEXT = /(^|[^a-zA-Z])next|Next/;
const BACK = /prev|before|first|last|self|total|count|sync|delta|per_?page|refresh|page_?size|has/i;

const numberOf = ({ value }: Beside): number =>
  typeof value === 'boolean' || value === null || value === '' ? Number.NaN : Number(value);

/** @param count how many records are on this page; @param sent the parameters of the request */
export function toldBy(besides: readonly Beside[], count: number): Told {
  const flag = (names: RegExp) =>
    besides.find(
      ({ name, value }) => names.test(name) && (typeof value === 'boolean' || /^(true|false)$/i.test(String(value))),
    );
  const [more, last] = [flag(MORE), flag(LAST)];
  const holds = (found: Beside | undefined) => (found === undefined ? undefined : /true/i.test(String(found.value)));
  const isLast = holds(last);
  const find = (names: RegExp, fits: (value: number) => boolean) =>
    besides.find((one) => names.test(one.name) && fits(numberOf(one)));
  return {
    flags: more !== undefined ? { while: more.path } : last !== undefined ? { until: last.path } : {},
    more: holds(more) ?? (isLast === undefined ? undefined : !isLast),
    totalRecords: besides.find(
      (one) => TOTAL_RECORDS.test(one.name) && /total|count|found|match|hits/i.test(one.path) && numberOf(one) >= count,
    ),
    totalPages: find(TOTAL_PAGES, (value) => value >= 1),
    page: find(PAGE, (value) => value === 0 || value === 1),
    offset: find(OFFSET, (value) => value === 0),
    saysEnd: besides.find(
      ({ name, value }) => NEXT.test(name) && !BACK.test(name) && (value === null || value === '' || value === false),
    ),
  };
}

/** What leads to the next page, the surest first. @param link the Link header */
export function hintsOf(
  besides: readonly Beside[],
  link: string | undefined,
  given: readonly string[],
  flags: Settings,
): Hint[] {
  const found: Hint[] = [];
  const inHeader = /<([^<>]*)>[^,]*;\s*rel="?[^",;]*\bnext\b/i.exec(link ?? '')?.[1];
  if (inHeader !== undefined)
    found.push({
      kind: 'link',
      paging: { type: 'link' },
      reason: 'the Link header names the next page',
      url: inHeader,
    });
  const named = besides.filter(({ name, value }) => value !== null && value !== '' && !BACK.test(name));
  for (const { name, path, value } of named) {
    if (!isUrl(value) || !(NEXT.test(name) || /^after_?(url|link|page)$/i.test(name))) continue;
    found.push({
      kind: 'next-url',
      paging: { type: 'next-url', next: path, ...flags },
      reason: `${path} holds the next page's address`,
      url: value,
    });
  }
  const addresses = besides.map(({ value }) => value).filter(isUrl);
  // A text is a cursor for certain; a number may be that of the next page, which the API repeats without taking it.
  const cursors = named.toSorted((a, b) => Number(typeof a.value === 'number') - Number(typeof b.value === 'number'));
  for (const { name, path, value } of cursors) {
    if (isUrl(value) || typeof value === 'boolean' || value === null || !isCursor(name, path, value)) continue;
    const exact = addresses.flatMap((address) => parameterWith(address, String(value)));
    const names = [...new Set([...exact, ...cursorParameters(name, typeof value === 'number', given)])];
    found.push({
      kind: 'cursor',
      paging: { type: 'cursor', next: path, ...flags },
      reason: `${path} holds what asks for the next page`,
      value,
      names,
    });
  }
  return found;
}

/** A name that tells of a cursor; a number alone is one only where it is called the next. */
function isCursor(name: string, path: string, value: string | number): boolean {
  const isNext = NEXT.test(name) || /\.next\b/i.test(path);
  if (typeof value === 'number') return isNext && value > 0;
  return (
    isNext ||
    /cursor|^after$|_after$|continuation|^offset$|scroll_?id|^marker$|bookmark|page_?token|continue$|^nextLink$/i.test(
      name,
    )
  );
}

/** The query parameter of an address that has this value. */
function parameterWith(address: string, value: string): string[] {
  return [...(address.split('?')[1] ?? '').split('&')].flatMap((entry) => {
    const [name = '', ...rest] = entry.split('=');
    return decode(rest.join('=')) === value ? [decode(name)] : [];
  });
}
