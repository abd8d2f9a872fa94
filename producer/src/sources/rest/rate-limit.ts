import type { Answer } from './fetch.js';
import { retryAfter } from './retry-delay.js';

type Told = Pick<Answer, 'status' | 'headers' | 'arrivedAt'>;
type Headers = Answer['headers'];

/** How many requests are left. APIs have sent these headers under several names long before there was a draft for one. */
const REMAINING = [
  'ratelimit-remaining',
  'x-ratelimit-remaining',
  'x-rate-limit-remaining',
  'x-ratelimit-requests-remaining',
];

/** When the limit is lifted. */
const RESET = [
  'ratelimit-reset',
  'x-ratelimit-reset-after',
  'x-ratelimit-reset',
  'x-rate-limit-reset',
  'x-ratelimit-requests-reset',
];

/** A server whose clock is further off than this, in milliseconds, is not believed: ours counts. */
const MOST_SKEW = 24 * 3_600_000;

/**
 * Whether the answer says that too much was asked for: 429 (RFC 6585), or 403 with the headers of a rate limit, as GitHub and
 * others send it. Such a 403 says nothing about the credentials.
 */
export function isRateLimit({ status, headers }: Told): boolean {
  if (status === 429) return true;
  if (status !== 403) return false;
  const left = remaining(headers);
  return headers['retry-after'] !== undefined || left === 0 || (left === undefined && resetText(headers) !== undefined);
}

/**
 * How long an answer asks us to wait, in milliseconds from its arrival: by `Retry-After`, or, if it is a rate limit, until that is
 * reset (draft-ietf-httpapi-ratelimit-headers, and its forerunners).
 *
 * @param most the longest wait that is heeded
 * @returns 0 if it asks for none
 */
export function waitAsked(answer: Told, most: number): number {
  const { status, headers, arrivedAt } = answer;
  const now = serverTime(answer);
  const asked = retryAfter(headers['retry-after'], now, most);
  if (asked > 0) return asked;
  const isLimited = isRateLimit(answer) || status === 503;
  // A server that has requests left means something else, and its reset is that of another limit.
  if (!isLimited || (remaining(headers) ?? 0) > 0) return 0;
  const reset = resetText(headers);
  if (reset === undefined) return 0;
  const wait = waitUntilReset(reset, now);
  return Number.isNaN(wait) || arrivedAt + wait < arrivedAt ? 0 : Math.min(wait, most);
}

/** Times in headers are by the clock of the server that sends them. */
function serverTime({ headers, arrivedAt }: Told): number {
  const date = Date.parse(headers.date ?? '');
  return Math.abs(date - arrivedAt) <= MOST_SKEW ? date : arrivedAt;
}

/** A reset is told in seconds from now, in seconds or milliseconds since the epoch, or as a date. */
function waitUntilReset(text: string, now: number): number {
  const digits = /^\s*(\d+(?:\.\d+)?)\s*(?:,|$)/.exec(text)?.[1];
  if (digits === undefined) return Date.parse(text) - now;
  const value = Number(digits);
  if (value >= 1e12) return value - now;
  return value >= 1e9 ? value * 1_000 - now : value * 1_000;
}

/** The least that is left, where several limits are told at once; undefined if none is told. */
function remaining(headers: Headers): number | undefined {
  const told = REMAINING.map((name) => headers[name]).find((text) => text !== undefined);
  const numbers = (told ?? inOneHeader(headers, /\b(?:remaining|r)=(\d+)/g))?.match(/\d+/g) ?? [];
  return numbers.length === 0 ? undefined : Math.min(...numbers.map(Number));
}

const resetText = (headers: Headers): string | undefined =>
  RESET.map((name) => headers[name]).find((text) => text !== undefined) ??
  inOneHeader(headers, /\b(?:reset|t)=(\d+)/g)?.split(' ')[0];

/** The values of a name in the one header that newer drafts have: `"default";r=0;t=30`, or `limit=10, remaining=0, reset=30`. */
function inOneHeader({ ratelimit }: Headers, name: RegExp): string | undefined {
  const found = [...(ratelimit ?? '').matchAll(name)].map(([, value = '']) => value);
  return found.length === 0 ? undefined : found.join(' ');
}
