import type { CollectionName } from './collection.js';
import { badRequest, quote } from './problem.js';

/** What a client asks of a listing. */
export interface ListingQuery {
  /** Records that changed at this time or later, in milliseconds. */
  readonly from: number;
  readonly limit: number;
}

const DEFAULT_LIMIT = 100;
const MOST = 1_000;

/**
 * Reads `limit`, `updated_since` (inclusive) and `cursor`. A parameter that it does not know is left alone, as most
 * APIs do. A cursor lies behind the `updated_since` it began with, so a client may go on sending that or not.
 *
 * @throws Problem (400) naming the parameter, what it holds and what was expected
 */
export function readListingQuery(name: CollectionName, query: Readonly<Record<string, unknown>>): ListingQuery {
  const since = query.updated_since === undefined ? 0 : parseSince(query.updated_since);
  const position = query.cursor === undefined ? 0 : parseCursor(name, query.cursor);
  return {
    from: Math.max(0, since, position),
    limit: query.limit === undefined ? DEFAULT_LIMIT : parseLimit(query.limit),
  };
}

/** Opaque to clients. It holds a place in time, nothing in memory, so it stays good for ever. */
export function cursorTo(name: CollectionName, next: number): string {
  return Buffer.from(`${name} ${next}`).toString('base64url');
}

function parseCursor(name: CollectionName, value: unknown): number {
  const [owner, next = ''] = Buffer.from(String(value), 'base64url').toString().split(' ');
  // Writing it again finds whatever is not exactly what cursorTo made.
  if (owner !== name || !/^\d{1,15}$/.test(next) || cursorTo(name, Number(next)) !== value) {
    const message = `cursor ${quote(value)} is none that /${name} gave out; begin again without a cursor`;
    throw badRequest('cursor_unknown', message);
  }
  return Number(next);
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
  // Date.parse takes 30 February for 1 March.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (!Number.isNaN(time) && date.getUTCDate() === Number(day)) return time;
  const expected = 'an ISO 8601 date, or date and time with Z or an offset (a plus must be sent as %2B)';
  throw badRequest('updated_since_invalid', `updated_since must be ${expected}, not ${quote(value)}`);
}
