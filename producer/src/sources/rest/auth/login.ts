import {
  type AuthConfig,
  type AuthOf,
  compilePath,
  ExactNumber,
  parseJson,
  placeOf,
  redactUrl,
  stringifyJson,
} from '@tributary/shared';
import { parseCookie } from 'undici';
import type { Answer } from '../fetch.js';
import { addressOf } from '../request/address.js';
import { type HttpRequest, withHeader, withParameters } from '../request/http-request.js';
import { userOf } from './basic.js';
import type { CredentialOptions, Credentials, Errand } from './credentials.js';
import { RenewedToken } from './renewed-token.js';
import { textsIn } from './secrets.js';
import { noToken, refuseErrors, type TokenAnswerOptions } from './token-answer.js';

type Settings = AuthOf<'login'>;

/**
 * A token, or the cookie of a session, that a request of its own is answered with.
 * @param credentialsOf makes the credentials of that request
 */
export function loginCredentials(
  settings: Settings,
  options: CredentialOptions,
  credentialsOf: (auth: AuthConfig | undefined) => Credentials,
): Credentials {
  const request = loginRequest(settings);
  const own = credentialsOf(settings.auth);
  const find = tokenFinder(settings);
  const answered: TokenAnswerOptions = {
    url: settings.url,
    advice: 'auth.url and what is sent there; the account may be locked, or its password may have changed',
    conceal: options.conceal,
  };
  return new RenewedToken({
    ...options,
    secrets: [...secretsOf(settings), ...own.secrets],
    store: options.tokens.passing,
    family: JSON.stringify([settings, options.binding]),
    async obtain(errand) {
      const asked = options.clock.now();
      const answer = await sendAs(own, request, errand);
      // A form that logs in often answers with a redirect, and the cookie.
      const value = answer.status < 400 ? find(answer) : undefined;
      if (value === undefined || (answer.status >= 300 && typeof settings.token === 'string'))
        refuseErrors(answer, answered);
      if (value === undefined) throw noToken(answer, answered, `what auth.token names (${nameOf(settings)})`);
      return { value, lifetime: lifetimeOf(settings, answer, asked, options) };
    },
    apply: applier(settings),
  });
}

async function sendAs(own: Credentials, request: HttpRequest, errand: Errand): Promise<Answer> {
  const send = async () => {
    const authorized = await own.authorize(request, errand);
    return { authorized, answer: await errand.send(authorized) };
  };
  let sent = await send();
  if (sent.answer.status === 401 && own.refused(sent.authorized)) sent = await send();
  if (sent.answer.status !== 401) own.accepted(sent.authorized);
  return sent.answer;
}

function loginRequest({ url: text, method = 'POST', body, form, headers }: Settings): HttpRequest {
  const { url, authorization } = userOf(text);
  const type =
    form !== undefined
      ? 'application/x-www-form-urlencoded'
      : typeof body === 'string'
        ? 'text/plain; charset=utf-8'
        : 'application/json';
  const content =
    form !== undefined ? new URLSearchParams(form).toString() : typeof body === 'string' ? body : stringifyJson(body);
  const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    method,
    address: addressOf(url),
    headers: {
      accept: 'application/json, */*;q=0.5',
      'user-agent': 'tributary',
      ...(authorization === undefined ? {} : { authorization }),
      ...(form === undefined && body === undefined ? {} : { 'content-type': type }),
      ...own,
    },
    body: form === undefined && body === undefined ? undefined : content,
  };
}

/** Where the token lies in an answer. */
function tokenFinder({ token }: Settings): (answer: Answer) => string | undefined {
  if (typeof token === 'string') {
    const { read } = compilePath(token);
    return ({ text }) => textOf(read(bodyOf(text)));
  }
  if ('header' in token) {
    const name = token.header.toLowerCase();
    return ({ headers }) => headers[name] || undefined;
  }
  return ({ cookies }) => cookies.map(parseCookie).find((cookie) => cookie?.name === token.cookie)?.value || undefined;
}

const nameOf = ({ token }: Settings): string =>
  typeof token === 'string' ? token : 'header' in token ? `the header ${token.header}` : `the cookie ${token.cookie}`;

function applier(settings: Settings): (request: HttpRequest, token: string) => HttpRequest {
  const { parameter, header, prefix } = placeOf(settings);
  if (parameter !== undefined) return (request, token) => withParameters(request, { [parameter]: prefix + token });
  return (request, token) => {
    const before = header === 'cookie' ? request.headers.cookie : undefined;
    return withHeader(request, header, before === undefined ? prefix + token : `${before}; ${prefix}${token}`);
  };
}

/** How long the token lives, in milliseconds. */
function lifetimeOf(
  { url, lifetime, expires }: Settings,
  answer: Answer,
  asked: number,
  { onDoubt }: CredentialOptions,
): number {
  if (expires === undefined) return lifetime ?? Number.POSITIVE_INFINITY;
  const told = textOf(compilePath(expires).read(bodyOf(answer.text))) ?? '';
  const number = /^\d+(\.\d+)?$/.test(told) ? Number(told) : Number.NaN;
  if (number < 1e9) return number * 1_000;
  const end = Number.isNaN(number) ? Date.parse(told) : number < 1e12 ? number * 1_000 : number;
  if (!Number.isNaN(end)) return Math.max(end - asked, 0);
  onDoubt(`${redactUrl(url)} does not tell at ${expires} when the token ends; it is used until it is refused`);
  return Number.POSITIVE_INFINITY;
}

/** A token is a text, or a number. */
const textOf = (value: unknown): string | undefined =>
  (typeof value === 'string' && value !== '') || typeof value === 'number' || value instanceof ExactNumber
    ? String(value)
    : undefined;

function bodyOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    // A server may answer with the token alone.
    return text.trim();
  }
}

/** Everything that is sent, whatever its name is. */
function secretsOf({ url: text, body, form, headers }: Settings): string[] {
  const { url, user, password, authorization } = userOf(text);
  const query = addressOf(url).entries.map(([, value]) => value);
  const sent = [...textsIn(body), ...textsIn(form), ...Object.values(headers), ...query];
  return [...sent, ...[user, password, authorization].filter((value) => value !== undefined)];
}
