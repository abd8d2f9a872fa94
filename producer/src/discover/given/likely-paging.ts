import type { Guess, Settings } from '../guess.js';
import { besidesOf } from '../paging/envelope.js';
import { hintsOf, toldBy } from '../paging/hints.js';
import { OFFSETS, PAGES, SIZES } from '../paging/names.js';

/** A parameter that the API's description names. */
export interface Parameter {
  readonly name: string;
  /** The largest value that it takes, or the usual one. */
  readonly most?: number | undefined;
}

const CURSOR = /cursor|token|^after$|starting_after|continuation|marker|bookmark/i;

/**
 * How the pages follow each other, as far as a sample tells; nothing was tried.
 * @param parameters all that there are, if a description names them
 */
export function likelyPaging(
  body: unknown,
  items: string,
  count: number,
  parameters: readonly Parameter[] | undefined,
): Guess<Settings | undefined> {
  const besides = besidesOf(body, items);
  const told = toldBy(besides, count);
  const given = (parameters ?? []).map(({ name }) => name);
  const sized = sizeOf(parameters);
  const [hint] = hintsOf(besides, undefined, given, told.flags);
  if (hint !== undefined && hint.kind !== 'cursor')
    return { value: { ...hint.paging, ...sized }, reason: hint.reason, isSure: false };
  if (hint !== undefined) {
    const name =
      (parameters === undefined
        ? hint.names[0]
        : (hint.names.find((one) => given.includes(one)) ?? given.find((one) => CURSOR.test(one)))) ?? hint.names[0];
    return {
      value: { ...hint.paging, parameter: name, ...sized },
      reason: `${hint.reason}; \`${name}\` should take it`,
      isSure: false,
    };
  }
  const page =
    given.find((name) => PAGES.includes(name)) ??
    (told.page === undefined || parameters !== undefined ? undefined : 'page');
  const { totalPages, totalRecords } = told;
  if (page !== undefined) {
    const total = totalPages === undefined ? {} : { total: totalPages.path, totalIn: 'pages' };
    return {
      value: { type: 'page', parameter: page, ...total, ...sized },
      reason: `\`${page}\` should ask for a page by its number`,
      isSure: false,
    };
  }
  const offset = given.find((name) => Object.hasOwn(OFFSETS, name));
  if (offset === undefined) return { value: undefined, reason: 'nothing tells of more pages', isSure: false };
  const total = totalRecords === undefined ? {} : { total: totalRecords.path };
  const { sizeParameter = OFFSETS[offset]?.[0] ?? 'limit', size = 100 } = sized;
  return {
    value: { type: 'offset', parameter: offset, sizeParameter, size, ...total },
    reason: `\`${offset}\` should skip records`,
    isSure: false,
  };
}

function sizeOf(parameters: readonly Parameter[] | undefined): {
  readonly sizeParameter?: string;
  readonly size?: number;
} {
  const found = parameters?.find(({ name }) => SIZES.includes(name));
  return found === undefined
    ? {}
    : { sizeParameter: found.name, size: Math.min(Math.max(found.most ?? 100, 1), 1_000) };
}
