import { FatalError, RetryableError } from '@tributary/shared';
import type { Answer } from './fetch.js';
import type { BodyFormat, FoundPage } from './formats/format.js';
import { isRateLimit, waitAsked } from './rate-limit.js';

/**
 * Requests that came too early or too often, or met a server in trouble, may succeed later (RFC 9110, RFC 6585, RFC 8470). With a
 * `Retry-After` so may one that was too large for now (413, section 15.5.14), or whose answer is not made yet (202).
 */
const worthRetrying = ({ status, headers }: Answer): boolean =>
  status >= 500 ||
  [408, 425, 429].includes(status) ||
  (headers['retry-after'] !== undefined && [202, 413].includes(status));

/** How an answer is read. */
export interface Reading {
  readonly format: BodyFormat;
  /** The longest wait that an API may ask for, in milliseconds. */
  readonly maxRetryAfter: number;
  /** Removes secrets from a text before it is shown. */
  conceal(text: string): string;
}

/**
 * Decides what an answer means, unless it is a 304.
 *
 * @throws RetryableError if the same request may succeed later
 * @throws FatalError if the same request would be answered the same way
 */
export function findPage(answer: Answer, { format, maxRetryAfter, conceal }: Reading): FoundPage {
  const { status, text, way } = answer;
  // Computed only for an error, so that reading a good page does not pay for it.
  const shown = () => excerpt(text, conceal) + (way === undefined ? '' : `, ${way}`);
  if (worthRetrying(answer) || isRateLimit(answer)) throw retryLater(answer, maxRetryAfter, shown);
  if (status >= 300 && status < 400) throw redirectFault(answer, conceal);
  if (status < 200 || status >= 400) throw new FatalError(`http_${status}`, `answered ${status}${shown()}`);
  if (status === 204) return { body: undefined, records: [] };
  return format.read(answer, shown);
}

function retryLater(answer: Answer, maxRetryAfter: number, shown: () => string): RetryableError {
  const { status } = answer;
  const notBefore = notBeforeOf(answer, maxRetryAfter);
  // 403 alone would be taken for refused credentials.
  const [code, what] = status === 403 ? ['rate_limited', '403, a rate limit'] : [`http_${status}`, status];
  const until = notBefore === undefined ? '' : `; it asks to wait until ${new Date(notBefore).toISOString()}`;
  return new RetryableError(code, `answered ${what}${shown()}${until}`, { notBefore });
}

/** Before when the API asks not to be asked again, in milliseconds since the epoch; undefined if it does not ask for that. */
export function notBeforeOf(answer: Answer, maxRetryAfter: number): number | undefined {
  const wait = waitAsked(answer, maxRetryAfter);
  return wait > 0 ? answer.arrivedAt + wait : undefined;
}

/** A redirect that was not followed: it leads to another server, or in circles. */
function redirectFault({ status, headers }: Answer, conceal: (text: string) => string): FatalError {
  const target = headers.location === undefined ? '' : ` to ${conceal(headers.location.replace(/\?.*/, '?...'))}`;
  const advice =
    "only redirects on the same server are followed, and only a few in a row; put the right address into the endpoint's url";
  return new FatalError(`http_${status}`, `answered ${status}, a redirect${target}: ${advice}`);
}

/**
 * How many records there are in all, as a `Content-Range` header tells of an answer that holds a part of them (status 206,
 * or 200 with `items 0-24/3573`); undefined if it does not tell.
 */
export const wholeOf = ({ headers }: Answer): number | undefined => {
  const total = /^\s*(?!bytes)[\w-]+\s+(?:\d+-\d+|\*)\/(\d+)\s*$/.exec(headers['content-range'] ?? '')?.[1];
  return total === undefined ? undefined : Number(total);
};

/** The first 80 characters of a body, for a person: on one line, without secrets. */
function excerpt(text: string, conceal: (text: string) => string): string {
  // Conceal before cutting, or half a secret would stay.
  const line = conceal(text.slice(0, 10_000))
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  if (line === '') return '; the body is empty';
  return `: "${line.length > 80 ? `${line.slice(0, 80)}...` : line}"`;
}
