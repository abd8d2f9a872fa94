import { FatalError, RetryableError } from '@tributary/shared';
import type { Answer } from './fetch.js';
import type { BodyFormat, FoundPage } from './formats/format.js';
import { retryAfter } from './retry-delay.js';

/** The request may succeed later, but not before the time that the API asked for; 0 if it asked for none. */
export class RetryAfterError extends RetryableError {
  readonly waitMs: number;

  constructor(code: string, message: string, waitMs: number) {
    super(code, message);
    this.waitMs = waitMs;
  }
}

/** Requests that came too early or too often, or met a server in trouble, may succeed later (RFC 9110, RFC 6585, RFC 8470). */
const worthRetrying = (status: number): boolean => status >= 500 || [408, 425, 429].includes(status);

/**
 * Decides what an answer means, unless it is a 304.
 *
 * @param conceal removes secrets from a text before it is shown
 * @throws RetryAfterError, RetryableError if the same request may succeed later
 * @throws FatalError if the same request would be answered the same way
 */
export function findPage(answer: Answer, format: BodyFormat, conceal: (text: string) => string): FoundPage {
  const { status, headers, text, arrivedAt, way } = answer;
  // Computed only for an error, so that reading a good page does not pay for it.
  const shown = () => excerpt(text, conceal) + (way === undefined ? '' : `, ${way}`);
  if (worthRetrying(status)) {
    throw new RetryAfterError(
      `http_${status}`,
      `answered ${status}${shown()}`,
      retryAfter(headers['retry-after'], arrivedAt),
    );
  }
  if (status >= 300 && status < 400) throw redirectFault(answer, conceal);
  if (status < 200 || status >= 400) throw new FatalError(`http_${status}`, `answered ${status}${shown()}`);
  if (status === 204) return { body: undefined, records: [] };
  return format.read(answer, shown);
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
