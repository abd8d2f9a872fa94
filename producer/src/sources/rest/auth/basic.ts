import { type AuthConfig, decodeUserInfo } from '@tributary/shared';
import { withHeader } from '../request/http-request.js';
import { type Credentials, fixedCredentials } from './credentials.js';

/** A user and a password (RFC 7617). */
export function basicCredentials({ username, password }: Extract<AuthConfig, { type: 'basic' }>): Credentials {
  const authorization = basic(username, password);
  const secrets = [username, password, authorization];
  return fixedCredentials(secrets, (request) => withHeader(request, 'authorization', authorization));
}

/** The `Authorization` header for a user and a password. */
export const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

/** The user that a URL names (`https://user:password@host`), which asks for basic authentication. */
export interface UrlUser {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** The `Authorization` header; undefined if the URL names no user. */
  readonly authorization?: string | undefined;
  /** The URL without them. */
  readonly url: string;
}

/** Takes the user out of a URL's text. A password with a `%` in it may be written as it is, or encoded. */
export function userOf(text: string): UrlUser {
  const [, scheme = '', info, rest = ''] = /^(\w+:\/\/)(?:([^/?#]*)@)?(.*)$/s.exec(text) ?? [];
  if (info === undefined || info === '' || info === ':') return { url: info === undefined ? text : scheme + rest };
  const [user = '', ...passwords] = info.split(':').map(decodeUserInfo);
  const password = passwords.join(':');
  return { user, password, authorization: basic(user, password), url: scheme + rest };
}
