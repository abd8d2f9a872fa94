import type { CollectionName } from '../crm/collection.js';
import { badRequest, quote } from '../problem.js';

/** What a client asks of a listing. */
export interface ListingQuery {
  /** Records that changed at this time or later, in milliseconds. */
  readonly from: number;
  /** How many of them to skip: from `page` or `offset`. */
  readonly skip: number;
  readonly limit: number;
  /** How the next page is found: by a cursor, by its number, or by how many records come before it. */
  readonly style: 'cursor' | 'page' | 'offset';
  /** Whether the body has the URL of the next page. */
  readonly nextUrl: boolean;
}

const DEFAULT_LIMIT = 100;
const MOST = 1_000;

/**
 * Reads `limit`, `updated_since` (inclusive), and where to start: `cursor`, `page` (from 1) or `offset`; `next=url` asks for
 * the URL of the next page in the body. Unknown parameters are ignored, as most APIs do. A cursor is later than the
 * `updated_since` that it started with, so a client may send both or only the cursor.
 *
 * @throws Problem (400) naming the parameter, what it holds and what was expected
 */
export function readListingQuery(name: CollectionName, query: Readonly<Record<string, unknown>>): ListingQuery {
  const since = query.updated_since === undefined ? 0 : parseSince(query.updated_since);
  const position = query.cursor === undefined ? 0 : parseCursor(name, query.cursor);
  const limit = query.limit === undefined ? DEFAULT_LIMIT : parseLimit(query.limit);
  const page = query.page === undefined ? 1 : parseCount('page', query.page, 1);
  const offset = query.offset === undefined ? 0 : parseCount('offset', query.offset, 0);
  return {
    from: Math.max(0, since, position),
    skip: offset + (page - 1) * limit,
    limit,
    style: query.page !== undefined ? 'page' : query.offset !== undefined ? 'offset' : 'cursor',
    nextUrl: query.next === 'url',
  };
}

/** The path and query of the next page. @param next the stamp of its first record */
export function nextPath(name: CollectionName, url: URL, { style, skip, limit }: ListingQuery, next: number): string {
  const query = new URLSearchParams(url.search);
  if (style === 'cursor') query.set('cursor', cursorTo(name, next));
  if (style === 'page') query.set('page', String(Math.floor(skip / limit) + 2));
  if (style === 'offset') query.set('offset', String(skip + limit));
  return `/${name}?${query}`;
}

/** Opaque to clients. It holds a time and refers to nothing in memory, so it never expires. */
export function cursorTo(name: CollectionName, next: number): string {
  return Buffer.from(`${name} ${next}`).toString('base64url');
}

function parseCursor(name: CollectionName, value: unknown): number {
  const [owner, next = ''] = Buffer.from(String(value), 'base64url').toString().split(' ');
  // Writing it again and comparing finds everything that cursorTo did not make.
  if (owner !== name || !/^\d{1,15}$/.test(next) || cursorTo(name, Number(next)) !== value) {
    const message = `cursor ${quote(value)} does not come from /${name}; begin again without a cursor`;
    throw badRequest('cursor_unknown', message);
  }
  return Number(next);
}

function parseCount(name: string, value: unknown, least: number): number {
  const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : -1;
  if (count >= least) return count;
  throw badRequest(`${name}_invalid`, `${name} must be a whole number, ${least} or more, not ${quote(value)}`);
}

function parseLimit(value: unknown): number {
  const limit = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (limit >= 1 && limit <= MOST) return limit;
  throw badRequest('limit_invalid', `limit must be a whole number from 1 to ${MOST}, not ${quote(value)}`);
}

const ISO_TIME = /^(\d{4})-(\d{2})-(\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

function parseSince(value: unknown): number {
  const [text, year, month, day] = typeof value === 'string' ? (ISO_TIME.exec(value) ?? []) : [];
  const time = Date.parse(text ?? '');
  // Date.parse reads 30 February as 1 March.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (!Number.isNaN(time) && date.getUTCDate() === Number(day)) return time;
  const expected = 'an ISO 8601 date, or date and time with Z or an offset (a plus must be sent as %2B)';
  throw badRequest('updated_since_invalid', `updated_since must be ${expected}, not ${quote(value)}`);
}
