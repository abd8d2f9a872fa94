import { FatalError, isMapping, RetryableError, redactUrl } from '@tributary/shared';
import { notBeforeOf } from '../answer.js';
import type { Answer } from '../fetch.js';
import { addressOf } from '../request/address.js';
import type { HttpRequest } from '../request/http-request.js';
import type { GivenToken } from './renewed-token.js';

/** The longest wait that a server for tokens may ask for, in milliseconds. */
const MAX_RETRY_AFTER = 3_600_000;

/** How an answer to a request for a token is told of. */
export interface TokenAnswerOptions {
  readonly url: string;
  /** What to look at if the server refuses, such as `clientId and clientSecret`; some servers say by a code why they refuse. */
  readonly advice: string | ((code: string) => string);
  conceal(text: string): string;
}

/** A request for a token, as a form (RFC 6749, section 4). */
export const tokenRequest = (
  url: string,
  form: Readonly<Record<string, string | undefined>>,
  headers: Readonly<Record<string, string>> = {},
): HttpRequest => {
  const entries = Object.entries(form).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    method: 'POST',
    address: addressOf(url),
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(entries).toString(),
  };
};

/**
 * The token in an answer (RFC 6749, section 5).
 * @throws RetryableError, FatalError if it holds none
 */
export function tokenIn(answer: Answer, options: TokenAnswerOptions): GivenToken {
  const said = parse(answer.text);
  refuseErrors(answer, options, said);
  const { access_token: value, expires_in: seconds, refresh_token: refreshToken } = said;
  if (typeof value !== 'string' || value === '') throw noToken(answer, options, 'an access_token', said);
  return {
    value,
    // The server is not bound to say how long the token lives.
    lifetime: Number(seconds) > 0 ? Number(seconds) * 1_000 : Number.POSITIVE_INFINITY,
    refreshToken: typeof refreshToken === 'string' && refreshToken !== '' ? refreshToken : undefined,
  };
}

/** @throws RetryableError, FatalError if a server does not answer well to a request for a token */
export function refuseErrors(answer: Answer, options: TokenAnswerOptions, said = parse(answer.text)): void {
  const { status, way } = answer;
  const url = redactUrl(options.url) + (way === undefined ? '' : `, ${way},`);
  const notBefore = notBeforeOf(answer, MAX_RETRY_AFTER);
  if (status >= 500 || status === 429 || status === 408 || (status === 403 && notBefore !== undefined)) {
    throw new RetryableError('token_unavailable', `no token: ${url} answered ${status}`, { notBefore });
  }
  if (status < 300) return;
  const { advice } = options;
  const code = codeOf(said);
  const words = `${code === '' ? '' : ` (${code})`}${descriptionOf(said, options)}`;
  const help = typeof advice === 'string' ? `look at ${advice}` : advice(code);
  throw new FatalError('token_refused', `no token: ${url} answered ${status}${words}; ${help}`);
}

/** A server that answers well and without a token. */
export function noToken(
  { status }: Answer,
  options: TokenAnswerOptions,
  what: string,
  said: object = {},
): RetryableError {
  const code = codeOf(said);
  const why = code === '' ? '' : ` (${code}${descriptionOf(said, options)})`;
  const message = `no token: ${redactUrl(options.url)} answered ${status} without ${what}${why}`;
  return new RetryableError('token_invalid', message);
}

/** The error code (RFC 6749, section 5.2). The body may repeat the secrets that were sent, so nothing else is taken for one. */
const codeOf = (said: object): string =>
  'error' in said && typeof said.error === 'string' && /^[a-z_]{1,40}$/.test(said.error) ? said.error : '';

/** What the server says beside it, in its own words, without the secrets that it may repeat. */
function descriptionOf(said: object, { conceal }: TokenAnswerOptions): string {
  const text = 'error_description' in said && typeof said.error_description === 'string' ? said.error_description : '';
  const line = conceal(text.slice(0, 10_000))
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return line === '' ? '' : `: "${line.length > 200 ? `${line.slice(0, 200)}...` : line}"`;
}

function parse(text: string): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(text);
    return isMapping(said) ? said : {};
  } catch {
    return {};
  }
}
